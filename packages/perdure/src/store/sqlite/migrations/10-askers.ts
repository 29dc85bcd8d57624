/** Whose question it is that is delivered for a task which waits for the one that asks. */
export const askers = `
  ALTER TABLE deliveries ADD COLUMN asker_id TEXT; -- of a question: the child that asks it; NULL: the task itself
  CREATE INDEX deliveries_by_asker ON deliveries (asker_id) WHERE asker_id IS NOT NULL;
`;

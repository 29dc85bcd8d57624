/** Calls that are lost and come again. */
export const rejoin = `
  ALTER TABLE tasks ADD COLUMN rejoin_key TEXT;
  ALTER TABLE tasks ADD COLUMN waiter TEXT; -- the process whose call waits for it
  CREATE INDEX tasks_rejoin ON tasks (rejoin_key) WHERE rejoin_key IS NOT NULL;
`;

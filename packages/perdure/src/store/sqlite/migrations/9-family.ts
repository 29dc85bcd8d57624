/** Which open calls wait for a child that asks; which queued tasks are kept back by a retry. */
export const family = `
  ALTER TABLE operations ADD COLUMN child_asks INTEGER NOT NULL DEFAULT 0; -- 1: the child of an open call asks
  ALTER TABLE tasks ADD COLUMN backs_off INTEGER NOT NULL DEFAULT 0;       -- 1: not before due_at, whatever happens
`;

/** Which tasks have artifacts, and what of them is to be removed. */
export const artifacts = `
  ALTER TABLE tasks ADD COLUMN artifacts INTEGER; -- how many are recorded; NULL: none was ever begun
  -- Ids never come again: an entry that is made while another of the same task is worked off is not taken for it.
  CREATE TABLE artifact_sweeps (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id TEXT NOT NULL
  );
`;

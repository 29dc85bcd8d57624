/** Artifacts in the database. Their bytes are stored as they come: most are compressed already. */
export const artifacts = `
  CREATE TABLE @.artifact_files (
    upload      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id     text COLLATE "C" NOT NULL,
    file        text    NOT NULL, -- hash of the name, and the attempt
    chunk_bytes integer NOT NULL,
    state       text    NOT NULL, -- begun, whole, gone: its chunks are being deleted
    bytes       bigint            -- of one that is whole
  );
  CREATE INDEX artifact_files_by_task ON @.artifact_files (task_id, file);

  CREATE TABLE @.artifact_chunks (
    upload bigint  NOT NULL,
    number integer NOT NULL,
    bytes  bytea   NOT NULL,
    PRIMARY KEY (upload, number)
  );
  ALTER TABLE @.artifact_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;
`;

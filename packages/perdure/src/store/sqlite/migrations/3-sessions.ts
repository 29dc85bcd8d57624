/** Sessions of 2025 clients. */
export const sessions = `
  CREATE TABLE sessions (
    id               TEXT    NOT NULL,
    owner            TEXT    NOT NULL,
    protocol_version TEXT    NOT NULL,
    capabilities     TEXT    NOT NULL, -- JSON
    client_info      TEXT    NOT NULL, -- JSON
    log_level        TEXT,
    put_at           INTEGER NOT NULL,
    ended_at         INTEGER,
    PRIMARY KEY (owner, id)
  );
  CREATE INDEX sessions_by_age ON sessions (put_at);
`;

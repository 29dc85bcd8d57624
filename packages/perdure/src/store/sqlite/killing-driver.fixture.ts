/** A driver under which the process kills itself right before a statement, and one that tells of every statement. */
import { nodeSqlite, type SqliteConnection, type SqliteDriver, type SqliteStatement } from "./index.ts";

/** @param statement the number of the statement, from 1, that is never run */
export function killedAt(statement: number): SqliteDriver {
  let count = 0;
  return watched(() => {
    if (++count === statement) process.kill(process.pid, "SIGKILL");
  });
}

/** Calls `before` with the text of each statement that is about to run. It may throw instead of SQLite. */
export function watched(before: (sql: string) => void, driver: SqliteDriver = nodeSqlite): SqliteDriver {
  return (file) => {
    const connection = driver(file);
    const watchedConnection: SqliteConnection = {
      exec: (script) => {
        for (const sql of statementsOf(script)) {
          before(sql);
          connection.exec(sql);
        }
      },
      prepare: (sql) => watchStatement(connection.prepare(sql), () => before(sql)),
      close: () => connection.close(),
    };
    return watchedConnection;
  };
}

function watchStatement(statement: SqliteStatement, before: () => void): SqliteStatement {
  return {
    run: (...parameters) => (before(), statement.run(...parameters)),
    get: (...parameters) => (before(), statement.get(...parameters)),
    all: (...parameters) => (before(), statement.all(...parameters)),
  };
}

/** Of scripts like our migrations: no semicolon but between statements and in comments. */
function statementsOf(script: string): string[] {
  const withoutComments = script.replaceAll(/--.*$/gm, "");
  return withoutComments.split(";").filter((sql) => sql.trim() !== "");
}

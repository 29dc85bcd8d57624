/** What the embedded store does beside the contract: a long history is looked through without stopping the process. */
import { DatabaseSync } from "node:sqlite";
import { expect, it, onTestFinished } from "vitest";
import { temporaryFile, testApp } from "../../app/app.fixture.ts";
import { z } from "zod";
import { openSqliteStore } from "./index.ts";

it("finds the few of a tool in a long history, page by page, and lets others in between", async () => {
  const file = temporaryFile();
  const app = testApp({ store: `sqlite:${file}` });
  for (const tool of ["rare", "common"]) app.task(tool, { description: "", input: z.object({}) }, () => null);
  const rare = [await app.submit("rare", {}), await app.submit("rare", {}), await app.submit("rare", {})];
  const { id } = await app.submit("common", {});
  await app.close();
  {
    using db = new DatabaseSync(file);
    const columns = db.prepare(
      "SELECT group_concat(name) AS names FROM pragma_table_info('tasks') WHERE name <> 'id'",
    );
    const names = columns.get()?.["names"] as string;
    // Newer than the others, and older than one.
    db.exec(`
      UPDATE tasks SET id = '~last' WHERE id = '${rare[2]?.id}';
      WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
      INSERT INTO tasks (id, ${names}) SELECT printf('${id}%06d', i), ${names} FROM n JOIN tasks WHERE id = '${id}'`);
  }
  const store = openSqliteStore({ file });
  onTestFinished(() => store.close());
  for (const owner of [undefined, "local"]) {
    let turns = 0;
    const turn = (): void => void (turns++, (next = setImmediate(turn)));
    let next = setImmediate(turn);
    const first = await store.list({ owner, tool: "rare", limit: 2 });
    expect(first.tasks.map((task) => task.id)).toEqual(["~last", rare[1]?.id]);
    expect(turns).toBeGreaterThanOrEqual(5);
    clearImmediate(next);
    const second = await store.list({ owner, tool: "rare", limit: 2, cursor: first.cursor });
    expect(second).toEqual({ tasks: [expect.objectContaining({ id: rare[0]?.id })] });
    expect(await store.list({ owner, tool: "rare", status: "completed" })).toEqual({ tasks: [] });
  }
});

import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { Bench } from "./command.fixture.ts";
import { perdure } from "../app/app.ts";
import { silent, temporaryFile, testApp } from "../app/app.fixture.ts";
import { doctor } from "./doctor.ts";
import type { Output } from "./output.ts";
import { z } from "zod";

test(
  "perdure doctor says what takes the room, what waits for nothing, and what to do",
  { timeout: 40_000 },
  async () => {
    const bench = new Bench();
    onTestFinished(() => bench[Symbol.asyncDispose]());
    const app = perdure({ name: "test", version: "1", store: `sqlite:${bench.file}`, logger: silent });
    const input = z.object({ text: z.string() });
    app.task("echo", { description: "", input }, ({ text }, task) => task.step("say", () => text));
    app.task("gone", { description: "", input, version: "1" }, () => null);
    const kept = { echo: "x".repeat(50_000), gone: "y" };
    await app.submit("gone", { text: kept.gone }, { owner: "bob" });
    await app.pause("gone");
    await app.start();
    await (await app.submit("echo", { text: kept.echo }, { owner: "ada" })).result();
    const { code, stdout } = await bench.run(["doctor", bench.file, "--json"]);
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as Record<string, unknown>;
    expect(report).toMatchObject({
      location: `sqlite:${bench.file}`,
      file: { givesBack: true },
      tasks: { open: 1, ended: 1, expired: 0 },
      tools: [
        { tool: "echo", tasks: 1, open: 0 },
        { tool: "gone", tasks: 1, open: 1 },
      ],
      owners: [{ owner: "ada" }, { owner: "bob" }],
      oldestOpen: { tool: "gone" },
      withoutHandler: [],
      executes: true,
      paused: [{ tool: "gone" }],
      findings: [expect.stringContaining("gone is paused since")],
    });
    expect(report["kinds"]).toEqual(
      expect.arrayContaining([
        { kind: "inputs", count: 2, bytes: 50_011 + 12 },
        { kind: "results", count: 1, bytes: 50_002 },
        { kind: "operations", count: 1, bytes: 50_005 },
      ]),
    );
    await app.resume("gone");
    await app.close();
    const other = perdure({ name: "test", version: "1", store: `sqlite:${bench.file}`, logger: silent });
    onTestFinished(() => other.close({ drainMs: 0 }));
    other.task("echo", { description: "", input }, ({ text }) => text);
    await other.submit("echo", { text: "" });
    const text = await bench.run(["doctor", bench.file]);
    expect(text.stdout).toContain("No process executes tasks of this store now");
  },
);

test("what it says of a file that cannot become smaller makes it smaller", { timeout: 40_000 }, async () => {
  const file = `${temporaryFile()} of Ada's`;
  const app = testApp({ store: `sqlite:${file}` });
  const echo = app.task("echo", { description: "", input: z.object({ text: z.string() }) }, () => null);
  const made = await Promise.all(
    Array.from({ length: 20 }, () => app.submit(echo, { text: "x".repeat(50_000) })),
  );
  await app.close();
  {
    using db = new DatabaseSync(file);
    db.exec("PRAGMA auto_vacuum = NONE; VACUUM");
  }
  const later = testApp({ store: `sqlite:${file}` });
  for (const { id } of made) {
    await later.tasks.cancel(id);
    await later.tasks.delete(id);
  }
  await later.close();
  const findings = async (): Promise<string[]> => {
    let said: string[] = [];
    const answer = (json: object): void => void (said = (json as { findings: string[] }).findings);
    await doctor(file, { answer } as unknown as Output);
    return said;
  };
  const before = statSync(file).size;
  const [finding] = await findings();
  expect(finding).toMatch(/^The file was made without auto_vacuum: .* and 1\.\d MB of it are free\./);
  execFileSync("sh", ["-c", finding?.split("as it takes: ")[1] ?? ""]);
  expect(await findings()).toEqual([]);
  expect(statSync(file).size).toBeLessThan(before / 2);
});

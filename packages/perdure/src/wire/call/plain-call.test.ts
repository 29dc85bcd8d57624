import { expect, it } from "vitest";
import { z } from "zod";
import { testApp } from "../../app/app.fixture.ts";
import type { ProgressReport } from "./held-call.ts";
import { callPlainTool } from "./plain-call.ts";

it("an ordinary tool's progress rises with each report, as the protocol wants it", async () => {
  const app = testApp();
  app.tool("count", { description: "", input: z.object({}) }, (_, { progress }) => {
    for (const done of [1, 3, 2, 3, Number.NaN, Number.POSITIVE_INFINITY, 4]) progress(done, 4, `at ${done}`);
  });
  const service = app.service();
  const tool = service.plainTools.get("count");
  if (tool === undefined) throw new Error("it was declared");
  const reports: ProgressReport[] = [];
  await callPlainTool(service, {
    tool,
    arguments: {},
    caller: { owner: "local", trusted: true, session: undefined, clientName: undefined, headers: {} },
    sink: { progress: (report) => reports.push(report), keepAlive: () => undefined },
    signal: AbortSignal.any([]),
  });
  expect(reports.map(({ progress, message }) => [progress, message])).toEqual([
    [1, "at 1"],
    [3, "at 3"],
    [4, "at 4"],
  ]);
});

import { AjvJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/ajv";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { ServedTask, Service } from "../service.ts";
import { advertisedOutput, handOver } from "./hand-over.ts";

const settings = (names: Record<string, string>) =>
  ({ settings: { pollMs: 4_500, toolNames: new Map(Object.entries(names)) } }) as unknown as Service;
const task = { id: "t1", tool: "train", status: "working" } as Parameters<typeof handOver>[1];
const nobody = { session: undefined };
const served = (output: z.ZodType | undefined) => {
  const { $schema: _, ...outputSchema } = output === undefined ? {} : z.toJSONSchema(output);
  return { outputSchema: output && outputSchema } as unknown as ServedTask;
};

describe("the hand-over", () => {
  it("names the task, and says what to do next in the names that there are", () => {
    const names = { check_task_status: "ml_check", get_task_results: "ml_results" };
    const { content, structuredContent } = handOver(settings(names), task, nobody);
    expect(content[0]?.["text"]).toBe(
      "train is running in the background as task t1. It goes on by itself, also when this conversation ends; " +
        "do not call the tool again for the same work. To wait for it, call ml_check with this task_id and " +
        "wait_seconds 55. When it is completed, ml_results gives the result.",
    );
    expect(structuredContent).toEqual({
      task_id: "t1",
      status: "working",
      tool: "train",
      poll_after_seconds: 5,
    });
  });

  it("names no tool that is hidden", () => {
    const words = (names: Record<string, string>) =>
      handOver(settings(names), task, nobody).content[0]?.["text"];
    expect(words({})).toMatch(
      /^train is running in the background as task t1\. It goes on by itself; do not/,
    );
    expect(words({ check_task_status: "check" })).not.toContain("gives the result");
  });

  it("says that the result comes by itself, where it comes into this very session", () => {
    const session = { session: "s-1", memory: "m", actor: "ada" };
    const delivery = { mode: "unclaimed", graceMs: 1, keepMs: 1 } as const;
    const names = { check_task_status: "ml_check", get_task_results: "ml_results" };
    const to = (caller: typeof session | undefined, of: Partial<typeof task>) =>
      handOver(settings(names), { ...task, ...of } as typeof task, { session: caller });
    const { content, structuredContent } = to(session, { session, delivery });
    expect(content[0]?.["text"]).toBe(
      "train is running in the background as task t1. It goes on by itself, also when this conversation ends; " +
        "do not call the tool again for the same work. Its result comes into this conversation by itself: tell " +
        "the user that it is running, and do not wait. Only if the user wants to wait, call ml_check with wait_seconds 55.",
    );
    expect(structuredContent).toHaveProperty("delivered_to_session", true);
    const elsewhere = [
      to(session, { session }), // this tool or this server delivers nothing
      to(undefined, { session, delivery }),
      to({ ...session, session: "s-2" }, { session, delivery }), // joined by a call of another session
      to({ ...session, actor: "bob" }, { session, delivery }),
      to({ ...session, memory: "n" }, { session, delivery }),
    ];
    for (const one of elsewhere) {
      expect(one.structuredContent).not.toHaveProperty("delivered_to_session");
      expect(one.content[0]?.["text"]).not.toContain("comes into this conversation");
    }
  });

  it("is the same every time", () => {
    expect(handOver(settings({}), task, nobody)).toEqual(
      handOver(settings({}), { ...task, updatedAt: 9, revision: 9 }, nobody),
    );
  });
});

describe("the advertised output", () => {
  const handedOver = { task_id: "t1", status: "working", tool: "train", poll_after_seconds: 5 };
  const summary = { task_id: "t1", status: "completed", tool: "train", result_uri: "u", result_bytes: 9 };
  const fits = (output: z.ZodType, value: unknown) =>
    new AjvJsonSchemaValidator().getValidator(advertisedOutput(served(output)) as object)(value).valid;

  it("is nothing where the author declared none", () => {
    expect(advertisedOutput(served(undefined))).toBeUndefined();
  });

  it("takes the author's, the hand-over and the summary, and nothing else", () => {
    const output = z.object({ accuracy: z.number() });
    for (const value of [{ accuracy: 0.9 }, handedOver, summary]) expect(fits(output, value)).toBe(true);
    for (const value of [{}, { accuracy: "high" }, { task_id: "t1" }])
      expect(fits(output, value)).toBe(false);
  });

  it("keeps the references of the author's schema, to a part of it and to the whole", () => {
    const tree = z.object({
      name: z.string(),
      get children() {
        return z.array(tree);
      },
    });
    const leaf = z.object({ size: z.number() }).meta({ id: "leaf" });
    const output = z.object({ tree, left: leaf, right: leaf });
    expect(JSON.stringify(advertisedOutput(served(tree)))).toContain('"$ref":"#/anyOf/0"');
    const good = { name: "a", children: [{ name: "b", children: [] }] };
    expect(fits(tree, good)).toBe(true);
    expect(fits(tree, { name: "a", children: [handedOver] })).toBe(false);
    expect(fits(output, { tree: good, left: { size: 1 }, right: { size: 2 } })).toBe(true);
    expect(fits(output, { tree: good, left: { size: 1 }, right: { size: "2" } })).toBe(false);
    expect(fits(output, handedOver)).toBe(true);
  });
});

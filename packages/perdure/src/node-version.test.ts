import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { minimumNode, refuseNode } from "./node-version.ts";

describe("the Node that perdure runs on", () => {
  test.each(["22.13.0", "22.21.1", "23.4.0", "24.0.0", "26.1.0", "100.0.0"])("%s will do", (version) => {
    expect(refuseNode({ version, sqlite: true })).toBeUndefined();
  });

  test.each(["16.20.2", "18.20.8", "20.20.2", "22.2.0", "22.12.0"])("%s is too old", (version) => {
    const refusal = refuseNode({ version, sqlite: false });
    expect(refusal).toMatchObject({ name: "PerdureError", code: "NODE_TOO_OLD", retryable: false });
    expect(refusal?.message).toBe(
      `perdure needs Node 22.13 or newer with node:sqlite; this is Node ${version}. ` +
        `Run: npx -y -p node@24 node server.js`,
    );
  });

  test("22.12 is too old even where a flag gave it node:sqlite", () => {
    expect(refuseNode({ version: "22.12.0", sqlite: true })?.code).toBe("NODE_TOO_OLD");
  });

  test("23.0 is newer, but node:sqlite came with 23.4", () => {
    expect(refuseNode({ version: "23.0.0", sqlite: false })?.message).toContain(
      "this is Node 23.0.0 without node:sqlite.",
    );
  });

  test("the command names the program that was started, quoted where a shell would split it", () => {
    const message = (script: string) => refuseNode({ version: "20.0.0", sqlite: false, script })?.message;
    expect(message("src/main.js")).toMatch(/ node src\/main\.js$/);
    expect(message("my app/main.js")).toMatch(/ node "my app\/main\.js"$/);
  });

  test("is one line, without the frames of the module loader", () => {
    const refusal = refuseNode({ version: "20.0.0", sqlite: false });
    expect(refusal?.stack).toBe(`PerdureError: ${refusal?.message}`);
    expect(Error.stackTraceLimit).toBeGreaterThan(0);
  });

  test("package.json asks npm for the same", () => {
    const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
      readonly engines: { readonly node: string };
    };
    expect(manifest.engines.node).toBe(`>=${minimumNode}`);
  });
});

/** What is written, and what is not. That the project runs, validates and synthesises is tried by `npm run test:deploy`. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Bench } from "./command.fixture.ts";

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

const discoveryUrl = "https://login.example/pool/.well-known/openid-configuration";

function read(file: string): string {
  return readFileSync(join(bench.folder, file), "utf8");
}

test("the project has the names that were given, in the files that take names, and no placeholder is left", async () => {
  const named = ["--name", "Digits", "--region", "eu-west-1", "--account", "210987654321"];
  const callers = ["--discovery-url", discoveryUrl, "--client", "console", "--client", "phone"];
  const { code, stdout } = await bench.run(["init", "agentcore", "it", ...named, ...callers, "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ folder: join(bench.folder, "it"), name: "Digits", missing: [] });
  expect(JSON.parse(read("it/agentcore/aws-targets.json"))).toEqual([
    { name: "default", account: "210987654321", region: "eu-west-1" },
  ]);
  const project = JSON.parse(read("it/agentcore/agentcore.json")) as {
    readonly name: string;
    readonly runtimes: readonly object[];
  };
  const authorizer = { discoveryUrl, allowedClients: ["console", "phone"] };
  expect(project).toMatchObject({ name: "Digits" });
  expect(project.runtimes).toMatchObject([
    { name: "server", authorizerConfiguration: { customJwtAuthorizer: authorizer } },
    { name: "agent", authorizerConfiguration: { customJwtAuthorizer: authorizer } },
  ]);
  expect(JSON.stringify(project)).not.toContain("allowedAudience");
  const files = readdirSync(join(bench.folder, "it"), { recursive: true, withFileTypes: true });
  const texts = files
    .filter((file) => file.isFile())
    .map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name), "utf8")] as const);
  expect(texts.map(([name]) => name)).toEqual(
    expect.arrayContaining([
      ".gitignore",
      ".dockerignore",
      "Dockerfile",
      "server.ts",
      "agent.ts",
      "worker.ts",
    ]),
  );
  expect(texts.filter(([, text]) => /\{\{\w+\}\}/.test(text)).map(([name]) => name)).toEqual([]);
});

test("the folder names the project, and what nobody said is told", async () => {
  mkdirSync(join(bench.folder, "my-trainer"));
  const { code, stdout } = await bench.run(["init", "agentcore", "my-trainer"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/by hand: account \(.*\), discoveryUrl \(.*\), allowedAudience or allowedClients/);
  expect(JSON.parse(read("my-trainer/agentcore/agentcore.json"))).toMatchObject({ name: "mytrainer" });
});

test("a folder with something in it is left as it is", async () => {
  mkdirSync(join(bench.folder, "full"));
  writeFileSync(join(bench.folder, "full/package.json"), "mine");
  const { code, stderr } = await bench.run(["init", "agentcore", "full"]);
  expect([code, stderr]).toEqual([2, expect.stringContaining("full has package.json in it, and nothing")]);
  expect(readdirSync(join(bench.folder, "full"))).toEqual(["package.json"]);
  expect(read("full/package.json")).toBe("mine");
  expect((await bench.run(["init", "agentcore", "full/package.json"])).stderr).toContain("is a file");
});

test.each([
  ["--name", "my-trainer"],
  ["--region", "Oregon"],
  ["--account", "1234"],
  ["--discovery-url", "http://login.example/.well-known/openid-configuration"],
])("%s %s is refused before anything is written", async (option, value) => {
  const { code, stderr } = await bench.run(["init", "agentcore", "it", option, value]);
  expect([code, stderr]).toEqual([2, expect.stringContaining(`${option} takes`)]);
  expect(stderr).toContain(`"${value}" came.`);
  expect(readdirSync(bench.folder)).toEqual([]);
});

/** Whatever becomes of agentcore-local, no process and no disk of a session outlives it. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { startServer } from "../server.fixture.ts";
import { type Heard, isAlive } from "../runtime/runtime.fixture.ts";

test.each(["SIGTERM", "SIGKILL"] as const)("after %s nothing is left", async (signal) => {
  const folder = mkdtempSync(join(tmpdir(), "agentcore-local-"));
  try {
    const config = join(folder, "agentcore.json");
    const program = join(import.meta.dirname, "../runtime/program.fixture.ts");
    const runtimes = [{ name: "agent", command: process.execPath, args: [program] }];
    writeFileSync(config, JSON.stringify({ runtimes }));
    await using server = await startServer("--config", config);
    const arn = encodeURIComponent(
      "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/agent-0123456789",
    );
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ child: true, ignoreSigterm: signal === "SIGKILL" });
    const answer = await fetch(`${server.url}/runtimes/${arn}/invocations`, {
      method: "POST",
      headers,
      body,
    });
    const { pid, child, cwd } = (await answer.json()) as Heard;
    expect([pid, child].every(isAlive)).toBe(true);
    await server.kill(signal);
    await vi.waitFor(() => {
      expect([pid, child].some(isAlive)).toBe(false);
      expect(existsSync(cwd)).toBe(false);
    }, 5_000);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

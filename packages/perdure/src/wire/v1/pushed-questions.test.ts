/** Whose stream a question is pushed on, over HTTP. */
import { describe, expect, it, onTestFinished } from "vitest";
import { asking } from "./asking.fixture.ts";
import { answerOf, post, serve } from "./http.fixture.ts";
import { testService } from "./service.fixture.ts";

/** A client by hand, with a stream of its own: the session id is whatever it likes. */
async function opened(url: string, as: string, session: string) {
  const headers = { as, "mcp-session-id": session, "mcp-protocol-version": "2025-11-25" };
  const clientInfo = { name: as, version: "1" };
  const params = { protocolVersion: "2025-11-25", capabilities: { elicitation: {} }, clientInfo };
  await post(url, { jsonrpc: "2.0", id: 1, method: "initialize", params }, headers);
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const stream = await fetch(url, {
    headers: { ...headers, accept: "text/event-stream" },
    signal: stop.signal,
  });
  return { headers, stream };
}

async function heard({ body }: Response, text: string): Promise<boolean> {
  let said = "";
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    said += new TextDecoder().decode(chunk);
    if (said.includes(text)) return true;
  }
  return false;
}

describe("a stream", () => {
  it("of another principal under the same session id takes no question away", async () => {
    const { url } = await serve(await testService(asking));
    const ann = await opened(url, "ann", "shared");
    const call = { name: "confirm", arguments: {}, task: {} };
    const started = await post(
      url,
      { jsonrpc: "2.0", id: 2, method: "tools/call", params: call },
      ann.headers,
    );
    expect(await answerOf(started)).toMatchObject({ result: { task: { status: "working" } } });
    await opened(url, "bob", "shared");
    expect(await heard(ann.stream, "elicitation/create")).toBe(true);
  }, 5_000);
});

import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { RoundRobinProxy } from "./proxy.ts";

/** An upstream that says its name, and streams on `/stream` until it is told. */
async function upstream(name: string) {
  const streams: ServerResponse[] = [];
  const server: Server = createServer((request, response) => {
    if (request.url !== "/stream") return void response.end(name);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: first\n\n");
    streams.push(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  onTestFinished(stop);
  return { port: (server.address() as AddressInfo).port, streams, stop };
}

async function proxyTo(ports: readonly number[]): Promise<{ proxy: RoundRobinProxy; origin: string }> {
  const proxy = await RoundRobinProxy.start(() => ports);
  onTestFinished(() => proxy.close());
  return { proxy, origin: new URL(proxy.url).origin };
}

describe("the proxy", () => {
  it("gives each request to the next upstream, and to one that is there", async () => {
    const [a, b] = [await upstream("a"), await upstream("b")];
    const { proxy, origin } = await proxyTo([a.port, b.port]);
    const ask = async (): Promise<string> => (await fetch(`${origin}/name`)).text();
    expect([await ask(), await ask(), await ask(), await ask()]).toEqual(["a", "b", "a", "b"]);
    a.stop();
    expect([await ask(), await ask()]).toEqual(["b", "b"]);
    expect(proxy.served).toEqual(
      new Map([
        [a.port, 2],
        [b.port, 4],
      ]),
    );
  });

  it("passes a stream through as it comes, and cuts it when its upstream dies", async () => {
    const a = await upstream("a");
    const { origin } = await proxyTo([a.port]);
    const reader = (await fetch(`${origin}/stream`)).body?.pipeThrough(new TextDecoderStream()).getReader();
    expect(await reader?.read()).toMatchObject({ value: "data: first\n\n" });
    a.streams[0]?.write("data: second\n\n");
    expect(await reader?.read()).toMatchObject({ value: "data: second\n\n" });
    a.stop();
    await expect(reader?.read()).rejects.toThrow("terminated");
  });

  it("tells its upstream that a client has gone", async () => {
    const a = await upstream("a");
    const { proxy, origin } = await proxyTo([a.port]);
    const response = await fetch(`${origin}/stream`);
    await response.body?.getReader().read();
    const gone = new Promise((resolve) => a.streams[0]?.once("close", resolve));
    proxy.cut();
    await gone;
    expect(a.streams[0]?.writableFinished).toBe(false);
  });
});

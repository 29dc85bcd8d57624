/** The end of every reference server: it listens, and says where. */
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

export function listening(listener: RequestListener): void {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    process.send?.(`http://127.0.0.1:${port}/mcp`);
  });
}

/** The shortest way to a parsed body. */
export function readJson(message: IncomingMessage, then: (body: unknown) => void): void {
  const chunks: Buffer[] = [];
  message.on("data", (chunk: Buffer) => chunks.push(chunk));
  message.on("end", () => then(JSON.parse(Buffer.concat(chunks).toString("utf8"))));
}

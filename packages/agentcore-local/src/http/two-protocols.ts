/**
 * HTTP/1.1 and HTTP/2 on one port without TLS. Some clients of the AWS SDK speak HTTP/2 from the first byte ("prior
 * knowledge", RFC 9113, section 3.3), others HTTP/1.1; three bytes tell which, since no method begins with `PRI`.
 */
import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export type Request = IncomingMessage | Http2ServerRequest;
export type Response = ServerResponse | Http2ServerResponse;

const preface = Buffer.from("PRI");

export class TwoProtocols {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(serve: (request: Request, response: Response) => void) {
    const http1 = createHttp1(serve);
    const http2 = createHttp2(serve);
    // A client that breaks off is no event of ours.
    http2.on("sessionError", () => undefined);
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => socket.destroy());
      firstBytes(socket, (bytes) => {
        socket.unshift(bytes);
        (bytes.subarray(0, preface.length).equals(preface) ? http2 : http1).emit("connection", socket);
      });
    });
  }

  /** Resolves with the address, like `http://127.0.0.1:8081`. @throws Error for a port that is taken */
  async listen(port: number): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    this.#server.once("error", reject);
    this.#server.listen(port, "127.0.0.1", () => resolve(undefined));
    await promise;
    this.#server.off("error", reject);
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Connections are cut off, with whatever is on its way. */
  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#server.close(() => resolve(undefined));
    for (const socket of this.#sockets) socket.destroy();
    await promise;
  }
}

/** Three at least. */
function firstBytes(socket: Socket, then: (bytes: Buffer) => void): void {
  let bytes = Buffer.alloc(0);
  const look = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= preface.length) then(bytes);
    else if (!socket.readableEnded) socket.once("readable", look);
  };
  socket.once("readable", look);
}

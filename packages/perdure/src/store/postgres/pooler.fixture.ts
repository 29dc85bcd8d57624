/**
 * What PgBouncer does in transaction mode, made as hard as it can be: every transaction of a client goes to another
 * connection of the server than the one before. Whatever is kept in a session (a prepared statement, a setting, a lock,
 * LISTEN) is gone with the next statement. Notifications to a connection that nobody uses are heard by nobody.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Pooler {
  readonly url: string;
  /** How many went through. */
  readonly transactions: () => number;
  readonly close: () => Promise<void>;
}

/** @param target a URL with user and password, which the server asks for in plain text */
export async function startPooler(target: string, size = 4): Promise<Pooler> {
  const servers = await Promise.all(
    Array.from({ length: size }, () => ServerConnection.open(new URL(target))),
  );
  const clients = new Set<Socket>();
  const waiting: ((server: ServerConnection) => void)[] = [];
  let transactions = 0;
  const take = async (): Promise<ServerConnection> =>
    servers.shift() ?? new Promise<ServerConnection>((resolve) => waiting.push(resolve));
  const giveBack = (server: ServerConnection): void => {
    transactions++;
    const next = waiting.shift();
    if (next === undefined) servers.push(server);
    else next(server);
  };

  const listener = createServer((socket) => {
    clients.add(socket);
    socket.on("error", () => undefined);
    const messages = new Messages();
    let known = false;
    let server: Promise<ServerConnection> | undefined;
    const serve = async (message: Buffer): Promise<void> => {
      server ??= take().then((taken) => {
        taken.onMessage = (answer) => {
          if (!socket.destroyed) socket.write(answer);
          if (!isIdle(answer)) return;
          taken.onMessage = undefined;
          server = undefined;
          giveBack(taken);
        };
        return taken;
      });
      (await server).socket.write(message);
    };
    socket.on("data", (data) => {
      messages.add(data);
      if (!known) {
        const startup = messages.takeUntyped();
        if (startup === undefined) return;
        if (startup.readInt32BE(4) === sslRequest) return void socket.write("N");
        known = true;
        socket.write(welcome());
      }
      for (const message of messages.takeAll()) {
        if (message[0] === ascii("X")) socket.end();
        else void serve(message);
      }
    });
    socket.on("close", () => clients.delete(socket));
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const url = new URL(target);
  url.port = String((listener.address() as AddressInfo).port);
  return {
    url: url.href,
    transactions: () => transactions,
    close: async () => {
      for (const client of clients) client.destroy();
      for (const { socket } of servers) socket.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}

class ServerConnection {
  readonly socket: Socket;
  /** Of whoever has it; what comes while nobody has is lost. */
  onMessage: ((message: Buffer) => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    const messages = new Messages();
    socket.on("error", () => undefined);
    socket.on("data", (data) => {
      messages.add(data);
      for (const message of messages.takeAll()) this.onMessage?.(message);
    });
  }

  static async open(url: URL): Promise<ServerConnection> {
    const opened = new ServerConnection(connect(Number(url.port), url.hostname));
    const ready = new Promise<void>((resolve, reject) => {
      opened.onMessage = (message) => {
        if (message[0] === ascii("E")) reject(new Error(message.toString("latin1")));
        else if (isIdle(message)) resolve();
        else if (message[0] === ascii("R") && message.readInt32BE(5) === plainPassword) {
          opened.socket.write(typed("p", `${decodeURIComponent(url.password)}\0`));
        }
      };
    });
    const parameters = `user\0${url.username}\0database\0${url.pathname.slice(1)}\0\0`;
    opened.socket.write(untyped(Buffer.concat([int32(protocol3), Buffer.from(parameters)])));
    await ready;
    opened.onMessage = undefined;
    return opened;
  }
}

/** Bytes as they come, messages as they are. https://www.postgresql.org/docs/current/protocol-message-formats.html */
class Messages {
  #bytes = Buffer.alloc(0);

  add(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
  }

  takeUntyped(): Buffer | undefined {
    return this.#bytes.length < 4 ? undefined : this.#take(this.#bytes.readInt32BE(0));
  }

  *takeAll(): Generator<Buffer> {
    while (this.#bytes.length >= 5) {
      const message = this.#take(1 + this.#bytes.readInt32BE(1));
      if (message === undefined) return;
      yield message;
    }
  }

  #take(length: number): Buffer | undefined {
    if (this.#bytes.length < length) return undefined;
    const message = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return message;
  }
}

const sslRequest = 80_877_103;
const protocol3 = 196_608;
const plainPassword = 3;

const ascii = (letter: string): number => letter.charCodeAt(0);
const isIdle = (message: Buffer): boolean => message[0] === ascii("Z") && message[5] === ascii("I");

function welcome(): Buffer {
  return Buffer.concat([
    typed("R", int32(0)),
    ...["server_version\x0018.0\0", "client_encoding\0UTF8\0", "standard_conforming_strings\0on\0"].map(
      (parameter) => typed("S", parameter),
    ),
    typed("K", Buffer.concat([int32(1), int32(1)])),
    typed("Z", "I"),
  ]);
}

function typed(type: string, body: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), untyped(Buffer.from(body))]);
}

function untyped(body: Buffer): Buffer {
  return Buffer.concat([int32(body.length + 4), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

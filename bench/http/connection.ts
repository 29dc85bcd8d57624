/**
 * A kept-alive HTTP connection that sends bytes made beforehand and reads no more of an answer than it must. The load
 * is made in the process that measures, beside that of the server: an ordinary client costs more than what it is to
 * measure, and the fastest server would seem as slow as it.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** An answer that was read to its end: its head, and its body as it came (chunked, where it is a stream). */
interface Answer {
  readonly head: string;
  readonly body: string;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly onPart: ((text: string) => void) | undefined;
}

const headEnd = "\r\n\r\n";
const lastChunk = "\r\n0\r\n\r\n";

export class Connection {
  readonly #socket: Socket;
  #received = "";
  #waiting: Waiting | undefined;

  static async open(url: string): Promise<Connection> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, "connect");
    return new Connection(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#read(text));
    socket.on("close", () => this.#waiting?.reject(new Error("the server has closed the connection")));
    socket.on("error", (error) => this.#waiting?.reject(error));
  }

  /** One at a time. @param onPart is given what has come, as it comes. */
  send(request: Uint8Array, onPart?: (text: string) => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject, onPart };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #read(text: string): void {
    this.#received += text;
    this.#waiting?.onPart?.(text);
    const answer = complete(this.#received);
    if (answer === undefined) return;
    const waiting = this.#waiting;
    this.#received = "";
    this.#waiting = undefined;
    waiting?.resolve(answer);
  }
}

function complete(text: string): Answer | undefined {
  const end = text.indexOf(headEnd);
  if (end === -1) return undefined;
  const head = text.slice(0, end);
  const from = end + headEnd.length;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  const whole = length === undefined ? text.endsWith(lastChunk) : text.length >= from + Number(length);
  return whole ? { head, body: text.slice(from) } : undefined;
}

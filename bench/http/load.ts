/** Callers over HTTP, each on a connection of its own that is kept alive. */
import type { Run } from "../measure.ts";
import { Connection } from "./connection.ts";
import { initialize, initialized } from "./requests.ts";

export interface Caller {
  /** The body of the answer. @throws Error when the answer is not what was expected. */
  call(request: Uint8Array, expected: string, onPart?: (text: string) => void): Promise<string>;
  /** Of the 2025 session, where one was begun. */
  readonly session: string;
  close(): void;
}

export function openCallers(url: string, count: number, { sessions = false } = {}): Promise<Caller[]> {
  return Promise.all(Array.from({ length: count }, () => openCaller(url, sessions)));
}

async function openCaller(url: string, inSession: boolean): Promise<Caller> {
  const connection = await Connection.open(url);
  return {
    session: inSession ? await beginSession(connection) : "",
    async call(request, expected, onPart) {
      const { head, body } = await connection.send(request, onPart);
      if (!head.startsWith("HTTP/1.1 200") || !body.includes(expected)) {
        throw new Error(`${expected} was expected; this came:\n${head}\n\n${body}`);
      }
      return body;
    },
    close: () => connection.close(),
  };
}

async function beginSession(connection: Connection): Promise<string> {
  const { head, body } = await connection.send(initialize);
  const session = /\r\nmcp-session-id: *(\S+)/i.exec(head)?.[1];
  if (session === undefined) throw new Error(`no session was begun:\n${head}\n\n${body}`);
  await connection.send(initialized(session));
  return session;
}

export interface Load {
  readonly callers: readonly Caller[];
  /** What a caller sends as the `count`th of all requests. */
  readonly request: (caller: Caller, count: number) => Uint8Array;
  /** A part of every right answer. */
  readonly expected: string;
}

/** Each caller sends its next request when the last was answered. */
export function load({ callers, request, expected }: Load): Run {
  let count = 0;
  return async (untilMs) => {
    const before = count;
    await Promise.all(
      callers.map(async (caller) => {
        while (performance.now() < untilMs) await caller.call(request(caller, count++), expected);
      }),
    );
    return count - before;
  };
}

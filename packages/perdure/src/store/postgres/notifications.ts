/**
 * What processes tell each other, by LISTEN and NOTIFY.
 *
 * A NOTIFY inside the transaction that changed something takes a lock of the whole database at its commit (measured:
 * 1,100 creates/s against 2,900). So it is told afterwards, at most once in 20 ms, all that happened meanwhile in one
 * message; and not at all while no other process is there. Nothing relies on it: what could not be told, or came before
 * another process was known, is told as "look"; who dies before he has told is
 * missed within two leases, and then everybody looks again; where the listener's connection is lost, everybody looks
 * once a second until it is back, and once more then. A pooler in transaction mode takes LISTEN, and what is told comes
 * to nobody; so a listener first has to hear something that was told over another connection.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "pg";
import type { TaskChange } from "../store.ts";
import { asObject, type JsonValue } from "../../task/json.ts";
import type { TaskId } from "../../task/id.ts";
import type { TaskStatus } from "../../task/status.ts";
import { nanoid } from "nanoid";
import { cut, type Database } from "./database.ts";

const everyMs = 20;
const pollMs = 1_000;
/** What is told comes within milliseconds, or not at all. */
const echoMs = 3_000;
/** A listener that hears nothing is tried again after so many looks. */
const deafLooks = 60;
/** A message holds at most 8,000 bytes: more changes than these, and everybody looks at all. */
const maxChanges = 100;

interface Message {
  readonly from: string;
  /** Task, attempt, revision, status; absent: look again. */
  readonly changes?: readonly (readonly [TaskId, number, number, TaskStatus])[];
  readonly due?: boolean;
  readonly outbox?: boolean;
  /** To the one that tells it: that it hears. */
  readonly echo?: string;
  /** A process has come, or left what it ran to others. */
  readonly process?: "came" | "left";
}

export interface NotificationParts {
  readonly database: Database;
  readonly channel: string;
  readonly from: () => string;
  readonly hasOthers: () => boolean;
  readonly onChanges: (changes: readonly TaskChange[] | undefined) => void;
  readonly onDue: () => void;
  readonly onOutbox: () => void;
  /** The server's number for the connection that listens from now on; `undefined`: none does. */
  readonly onListener: (listener: number | undefined) => void;
  readonly onProcess: (what: "came" | "left") => void;
  readonly onError: (error: unknown) => void;
}

export class Notifications {
  readonly #parts: NotificationParts;
  readonly #pending = new Map<TaskId, TaskChange>();
  #due = false;
  #outbox = false;
  /** What was to be told is not known any more: all are to look. */
  #anything = false;
  #timer: NodeJS.Timeout | undefined;
  #lastTold = 0;
  #interested = 0;
  #listening: Promise<void> | undefined;
  #stopListening: (() => void) | undefined;
  #echo: { readonly word: string; readonly heard: () => void } | undefined;
  #closed = false;

  constructor(parts: NotificationParts) {
    this.#parts = parts;
  }

  /** To be told to the others, soon. */
  tell(changes: readonly TaskChange[], due: boolean, outbox = false): void {
    if (this.#closed || !this.#parts.hasOthers()) return;
    for (const change of changes) this.#pending.set(change.taskId, change);
    this.#due ||= due;
    this.#outbox ||= outbox;
    this.#schedule();
  }

  /** Others may have missed something: they are to look. */
  tellOfAnything(): void {
    if (this.#closed) return;
    this.#anything = true;
    this.#schedule();
  }

  #schedule(): void {
    const wait = Math.max(0, this.#lastTold + everyMs - performance.now());
    this.#timer ??= setTimeout(() => void this.flush(), wait);
  }

  /** Tells what is waiting to be told. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending.size === 0 && !this.#due && !this.#outbox && !this.#anything) return;
    const changes = [...this.#pending.values()];
    const anything = this.#anything;
    const [due, outbox] = [this.#due || anything, this.#outbox || anything];
    this.#anything = false;
    this.#outbox = false;
    this.#pending.clear();
    this.#due = false;
    this.#lastTold = performance.now();
    const compact = changes.map(
      ({ taskId, attempt, revision, status }) => [taskId, attempt, revision, status] as const,
    );
    const told = await this.#send({
      from: this.#parts.from(),
      ...(compact.length <= maxChanges && !anything && { changes: compact }),
      ...(due && { due }),
      ...(outbox && { outbox }),
    });
    if (told || this.#closed) return;
    this.#anything = true;
    this.#timer ??= setTimeout(() => void this.flush(), pollMs);
    this.#timer.unref();
  }

  async tellOfProcess(what: "came" | "left"): Promise<void> {
    await this.#send({ from: this.#parts.from(), changes: [], process: what });
  }

  /** Hears what others tell, until the function that it returns was called. */
  listen(): () => void {
    this.#interested++;
    this.#listening ??= this.#keepListening();
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      if (--this.#interested === 0) this.#stopListening?.();
    };
  }

  async close(): Promise<void> {
    await this.flush();
    this.#closed = true;
    this.#interested = 0;
    this.#stopListening?.();
    await this.#listening;
  }

  async #send(message: Message): Promise<boolean> {
    try {
      await this.#parts.database.query("SELECT pg_notify($1, $2)", [
        this.#parts.channel,
        JSON.stringify(message),
      ]);
      return true;
    } catch (error) {
      this.#parts.onError(error);
      return false;
    }
  }

  async #keepListening(): Promise<void> {
    while (this.#interested > 0) {
      let looks = 1;
      try {
        await this.#listenOnce();
      } catch (error) {
        if (error instanceof DeafError) looks = deafLooks;
        if (this.#interested > 0) this.#parts.onError(error);
      }
      for (; looks > 0 && this.#interested > 0; looks--) await this.#pause();
    }
    this.#listening = undefined;
  }

  /** Resolves when the connection has ended. */
  async #listenOnce(): Promise<void> {
    const client = await this.#parts.database.connect();
    try {
      await this.#listenOn(client);
    } catch (error) {
      cut(client);
      throw error;
    }
  }

  async #listenOn(client: Client): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      client.once("end", () => resolve());
      this.#stopListening = () => {
        client.end().catch(() => undefined);
        resolve();
      };
    });
    client.on("notification", ({ payload }) => this.#hear(payload));
    await client.query(`LISTEN "${this.#parts.channel}"`);
    const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    if (this.#interested === 0) this.#stopListening?.();
    // What happened before is not told.
    this.#lookAgain();
    if (!(await Promise.race([this.#hearsItself(), ended.then(() => true)]))) throw new DeafError();
    // Only of one that hears: behind a pooler it would be anybody's.
    this.#parts.onListener(rows[0]?.pid);
    // A half-open connection says nothing: it is asked now and then whether it is there.
    const probe = setInterval(() => {
      client.query("SELECT 1").catch(() => {
        cut(client);
        this.#stopListening?.();
      });
    }, 10_000);
    await ended;
    clearInterval(probe);
    this.#stopListening = undefined;
    this.#parts.onListener(undefined);
  }

  /** Whether what is told over another connection is heard on this one. */
  async #hearsItself(): Promise<boolean> {
    const word = nanoid();
    const heard = new Promise<boolean>((resolve) => {
      this.#echo = { word, heard: () => resolve(true) };
    });
    const { database, channel, from } = this.#parts;
    await database.query("SELECT pg_notify($1, $2)", [channel, JSON.stringify({ from: from(), echo: word })]);
    return Promise.race([heard, delay(echoMs, false, { ref: false })]);
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pollMs);
      this.#stopListening = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#stopListening = undefined;
    if (this.#interested > 0) this.#lookAgain();
  }

  #hear(payload: string | undefined): void {
    const message = toMessage(payload);
    if (message.echo !== undefined && message.echo === this.#echo?.word) this.#echo.heard();
    if (message.echo !== undefined) return;
    if (message.from === undefined || message.from === this.#parts.from()) return;
    const { onChanges, onDue, onOutbox, onProcess } = this.#parts;
    if (message.process !== undefined) onProcess(message.process);
    if (message.changes === undefined) onChanges(undefined);
    else if (message.changes.length > 0) {
      onChanges(
        message.changes.map(([taskId, attempt, revision, status]) => ({ taskId, attempt, revision, status })),
      );
    }
    if (message.due === true) onDue();
    if (message.outbox === true) onOutbox();
  }

  #lookAgain(): void {
    this.#parts.onChanges(undefined);
    this.#parts.onDue();
    this.#parts.onOutbox();
    this.#parts.onProcess("left");
  }
}

/** Anybody who may connect to the database can tell something on the channel. */
function toMessage(payload: string | undefined): Partial<Message> {
  try {
    return asObject(JSON.parse(payload ?? "{}") as JsonValue) ?? {};
  } catch {
    return {};
  }
}

/** As behind a pooler in transaction mode. */
class DeafError extends Error {
  override readonly name = "DeafError";

  constructor() {
    super(
      "the connection that listens hears nothing, as behind a pooler in transaction mode: processes look once a second " +
        "instead. Set listenerUrl to the database itself.",
    );
  }
}

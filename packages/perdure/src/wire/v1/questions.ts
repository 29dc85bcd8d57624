/**
 * Questions of tasks, put to the clients of this generation: on the stream of a call that waits for the task
 * (`tasks/result`, a held call), or, where nobody waits, pushed on the session's own stream (`pushed-questions.ts`).
 */
import type { TaskId } from "../../task/id.ts";
import { askAgain, giveAnswer, questionsOf } from "../call/questions.ts";
import type { Service } from "../service.ts";
import { Asking, type AskingParts, type Channel, type OpenRequests } from "./asking.ts";
import type { V1Session, V1Stream } from "./client.ts";
import { FollowedTasks } from "./followed-tasks.ts";
import { canBeAsked, type ClientResponse, toAnswer, toClientRequest } from "./client-request.ts";
import { PushedQuestions } from "./pushed-questions.ts";
import type { ResumableExchange } from "./resumable.ts";

export class Questions {
  readonly #service: Service;
  readonly #requests = new Requests();
  readonly #pushed: PushedQuestions;
  readonly #followed: FollowedTasks;

  constructor(service: Service) {
    this.#service = service;
    this.#followed = new FollowedTasks(service.runtime);
    this.#pushed = new PushedQuestions((parts) => this.#ask(parts));
  }

  /** While the exchange waits for the task. Nothing where its client cannot be asked. */
  along(exchange: ResumableExchange, session: V1Session, taskId: TaskId): Asking | undefined {
    const { askedAs } = session;
    if (askedAs === undefined || !canBeAsked(session)) return undefined;
    const channel: Channel = {
      gone: exchange.gone,
      via: JSON.stringify(exchange.request.id),
      heard: exchange.heard,
      ask: (request, key) => exchange.ask(request, key),
      notify: (method, params) => exchange.notify(method, params),
    };
    this.#pushed.follow(session, taskId);
    const { owner } = exchange.caller;
    return this.#ask({ owner, session, askedAs, channel, taskId, graceMs: 0 });
  }

  /** Whether the client can be asked any of what the task asks now, and so need not answer it by a tool. */
  async canAsk(session: V1Session, taskId: TaskId): Promise<boolean> {
    if (!canBeAsked(session)) return false;
    const open = await questionsOf(this.#service, taskId);
    return open.some((question) => toClientRequest(taskId, question, session) !== undefined);
  }

  /** The client cares for the task: where it does not wait for it, it is asked on its own stream. */
  follow(session: V1Session, taskId: TaskId): void {
    if (canBeAsked(session)) this.#pushed.follow(session, taskId);
  }

  /** A call was answered. Where its task goes on: as `follow`, at every process. */
  callEnded(owner: string, session: V1Session, taskId: TaskId): void {
    const { askedAs } = session;
    if (askedAs === undefined || !canBeAsked(session)) return;
    this.#pushed.follow(session, taskId);
    this.#followed.add(owner, askedAs, taskId).catch((error: unknown) => this.#warn(error));
  }

  /** The session's own stream is open, until it is gone. @param lastEventId of the stream that it goes on with */
  push(owner: string, session: V1Session, stream: V1Stream, lastEventId?: string): void {
    const { askedAs } = session;
    if (askedAs === undefined || !canBeAsked(session) || stream.gone.aborted) return;
    this.#pushed.open(owner, session, stream, lastEventId);
    const known = new Set<TaskId>();
    const look = (): void => {
      this.#followed.of(owner, askedAs).then(
        (taskIds) => {
          for (const taskId of taskIds) if (!known.has(taskId)) this.#pushed.follow(session, taskId);
          for (const taskId of taskIds) known.add(taskId);
        },
        (error: unknown) => this.#warn(error),
      );
    };
    this.#followed.onOthers(look, stream.gone);
    look();
  }

  #warn(error: unknown): void {
    const { closing, logger } = this.#service.runtime;
    if (!closing) logger.warn({ err: error }, "the tasks that a client follows could not be kept");
  }

  /** An answer, to a question that this or another process has asked. Never rejects. */
  async answered(owner: string, session: V1Session, response: ClientResponse): Promise<void> {
    this.#requests.end(session, response.id);
    try {
      await this.#take(owner, session, response);
    } catch (error) {
      const { taskId, key } = response;
      this.#service.runtime.logger.error({ err: error, taskId, key }, "an answer could not be taken");
    }
  }

  async #take(owner: string, session: V1Session, response: ClientResponse): Promise<void> {
    const { store } = this.#service.runtime;
    const { taskId, key } = response;
    if ((await store.summary({ taskId, owner })) === undefined) return;
    const question = (await questionsOf(this.#service, taskId)).find((open) => open.key === key);
    if (question === undefined) return;
    const answer = toAnswer(question, response);
    if (answer === undefined) {
      if (session.askedAs !== undefined)
        await store.refuseQuestion({ ...question.asker, by: session.askedAs });
      return;
    }
    const outcome = await giveAnswer(this.#service, { taskId, owner, key, ...answer });
    const problem = outcome.taken ? undefined : outcome.problem;
    if (problem !== undefined) await askAgain(this.#service, { owner, asker: question.asker }, problem);
  }

  #ask(parts: Omit<AskingParts, "service" | "requests">): Asking {
    return new Asking({ ...parts, service: this.#service, requests: this.#requests });
  }
}

class Requests implements OpenRequests {
  readonly #open = new Map<string, Set<object>>();

  add(session: V1Session, requestId: string, asking: object): void {
    const name = nameOf(session, requestId);
    this.#open.set(name, (this.#open.get(name) ?? new Set()).add(asking));
  }

  leave(session: V1Session, requestId: string, asking: object): void {
    const name = nameOf(session, requestId);
    const askings = this.#open.get(name);
    askings?.delete(asking);
    if (askings?.size === 0) this.#open.delete(name);
  }

  end(session: V1Session, requestId: string): boolean {
    return this.#open.delete(nameOf(session, requestId));
  }
}

function nameOf({ askedAs = "" }: V1Session, requestId: string): string {
  return `${requestId} ${askedAs}`;
}

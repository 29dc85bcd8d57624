/**
 * What lies in a session, as a history that the strictest provider accepts: the roles alternate, the user begins, and
 * every toolUse has its toolResult in the message behind it, once.
 *
 * In memory it may be otherwise. Several programs write, each at its own time: a task's result may have come between a
 * toolUse and its toolResult, or right behind another message of the user's role, and a process may have died between
 * the two. Nothing that was said is left out: what lies between goes behind, neighbours of one role become one message,
 * and a call without a result gets one that says so.
 */
import type { ContentBlockData, MessageData } from "@strands-agents/sdk";

const lost = "The result of this call was lost: its process ended before it came.";
const withoutBeginning = "(The beginning of this conversation is not shown.)";

/** For a history that begins here. */
export function toHistory(messages: readonly MessageData[]): MessageData[] {
  const history = arrange(messages);
  if (history[0]?.role !== "assistant") return history;
  return [{ role: "user", content: [{ text: withoutBeginning }] }, ...history];
}

/** For messages that follow others: the roles alternate among themselves only. */
export function arrange(messages: readonly MessageData[]): MessageData[] {
  const taken = new Set<ContentBlockData>();
  const arranged: MessageData[] = [];
  messages.forEach((message, index) => {
    if (message.role === "user") {
      // A result stands behind its call, or belongs to none.
      add(arranged, { role: "user", content: message.content.filter((block) => !isOfCall(block)) });
      return;
    }
    const calls = callsOf(message);
    const kept = new Set(calls.map(({ block }) => block));
    const said = message.content.filter((block) => kept.has(block) || !isOfCall(block));
    add(arranged, { role: "assistant", content: said });
    const results = calls.map(({ id }) => takeResult(messages, index, id, taken) ?? lostResult(id));
    add(arranged, { role: "user", content: results });
  });
  return arranged;
}

/** A call of this message is still without a result. */
export function awaitsResults(messages: readonly MessageData[], index: number): boolean {
  const message = messages[index];
  if (message?.role !== "assistant") return false;
  const taken = new Set<ContentBlockData>();
  return callsOf(message).some(({ id }) => takeResult(messages, index, id, taken) === undefined);
}

/**
 * The end of a history, of about `window` messages: it begins where the user says something, so that no call is parted
 * from its result, and is longer than asked for where that is further back.
 */
export function lastOf(history: readonly MessageData[], window: number): readonly MessageData[] {
  const from = Math.max(0, history.length - window);
  const begins = (message: MessageData): boolean =>
    message.role === "user" && !message.content.some((block) => "toolResult" in block);
  const later = history.findIndex((message, index) => index >= from && begins(message));
  if (later !== -1) return history.slice(later);
  return history.slice(Math.max(0, history.slice(0, from).findLastIndex(begins)));
}

/** One message of two neighbours of the same role. */
function add(arranged: MessageData[], message: MessageData): void {
  if (message.content.length === 0) return;
  const last = arranged.at(-1);
  if (last?.role !== message.role) {
    arranged.push({ role: message.role, content: [...message.content] });
    return;
  }
  arranged[arranged.length - 1] = { role: message.role, content: [...last.content, ...message.content] };
}

interface Call {
  readonly id: string;
  readonly block: ContentBlockData;
}

/** Each id once. */
function callsOf({ content }: MessageData): Call[] {
  const ids = new Set<string>();
  return content.flatMap((block) => {
    if (!("toolUse" in block) || ids.has(block.toolUse.toolUseId)) return [];
    const id = block.toolUse.toolUseId;
    ids.add(id);
    return [{ id, block }];
  });
}

/**
 * Up to the next call of the same id: some providers count them anew in every turn. Of two results the successful one
 * counts: another program may have taken the call for interrupted.
 */
function takeResult(
  messages: readonly MessageData[],
  index: number,
  id: string,
  taken: Set<ContentBlockData>,
): ContentBlockData | undefined {
  let found: ContentBlockData | undefined;
  for (const message of messages.slice(index + 1)) {
    if (message.role === "assistant" && callsOf(message).some((call) => call.id === id)) break;
    for (const block of message.content) {
      if (!("toolResult" in block) || block.toolResult.toolUseId !== id || taken.has(block)) continue;
      taken.add(block);
      if (found === undefined || (isSuccess(block) && !isSuccess(found))) found = block;
    }
  }
  return found;
}

function isOfCall(block: ContentBlockData): boolean {
  return "toolUse" in block || "toolResult" in block;
}

function isSuccess(block: ContentBlockData): boolean {
  return "toolResult" in block && block.toolResult.status === "success";
}

function lostResult(toolUseId: string): ContentBlockData {
  return { toolResult: { toolUseId, status: "error", content: [{ text: lost }] } };
}

/** What has come back, told in a sentence. */
import { type Outcome, parseObject } from "./conversation.ts";

const maxLength = 600;

export function tell({ tool, taskId, status, text }: Outcome): string {
  const what = taskId === undefined || taskId === "" ? tool : `${tool} (task ${taskId})`;
  if (status === "completed") return `${what} is completed: ${inWords(text)}.`;
  return `${what} ${status === "failed" ? "failed" : "was cancelled"}: ${inWords(text)}.`;
}

/** An object as its members, `accuracy 0.93, loss 0.2`; anything else as it is. */
function inWords(text: string): string {
  const value = parseObject(text);
  const said = value === undefined ? text.trim() : members(value, "").join(", ");
  const short = said.length > maxLength ? `${said.slice(0, maxLength)}…` : said;
  return short === "" ? "it said nothing" : short.replace(/\.$/, "");
}

function members(value: object, prefix: string): string[] {
  return Object.entries(value).flatMap(([name, member]: [string, unknown]) => {
    const path = prefix + name.replaceAll("_", " ");
    if (typeof member === "object" && member !== null) return members(member, `${path} `);
    return [`${path} ${String(member)}`];
  });
}

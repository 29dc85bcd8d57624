/**
 * What Bedrock refuses of a conversation although its shape is right, in the words of the service where they were
 * reported. An agent that breaks one of these on a laptop would break on AWS.
 */
import { type ServiceError, validationError } from "../service-error.ts";
import type { ConverseRequest, Message } from "./shapes.ts";

type Rule = (request: ConverseRequest) => string | undefined;

/** @throws ServiceError `ValidationException` with the first rule that is broken */
export function checkConversation(request: ConverseRequest): void {
  for (const rule of rules) {
    const broken = rule(request);
    if (broken !== undefined) throw refused(broken);
  }
}

function refused(message: string): ServiceError {
  return validationError(message);
}

const rules: readonly Rule[] = [
  aConversationHasMessages,
  noMessageIsEmpty,
  noTextIsBlank,
  theUserBegins,
  rolesAlternate,
  theUserIsLast,
  callsAreTheAssistantsAndResultsTheUsers,
  toolBlocksNeedTools,
  toolNamesAreUnique,
  theChosenToolIsThere,
  everyCallHasItsResult,
];

function aConversationHasMessages({ messages }: ConverseRequest): string | undefined {
  if (messages.length > 0) return undefined;
  return "A conversation must have at least one message. Add a message to the messages field and try again.";
}

function noMessageIsEmpty({ messages }: ConverseRequest): string | undefined {
  const index = messages.findIndex(({ content }) => content.length === 0);
  if (index === -1) return undefined;
  return (
    `The content field in the Message object at messages.${index} is empty. ` +
    "Add a ContentBlock object to the content field and try again."
  );
}

function noTextIsBlank({ messages }: ConverseRequest): string | undefined {
  for (const [index, { content }] of messages.entries()) {
    const blank = content.findIndex(({ text }) => text?.trim() === "");
    if (blank === -1) continue;
    return (
      `The text field in the ContentBlock object at messages.${index}.content.${blank} is blank. ` +
      "Add text to the text field, and try again."
    );
  }
  return undefined;
}

function theUserBegins({ messages }: ConverseRequest): string | undefined {
  if (messages[0]?.role === "user") return undefined;
  return "A conversation must start with a user message. Try again with a conversation that starts with a user message.";
}

function rolesAlternate({ messages }: ConverseRequest): string | undefined {
  if (messages.every(({ role }, index) => role !== messages[index - 1]?.role)) return undefined;
  return (
    "A conversation must alternate between user and assistant roles. " +
    "Make sure the conversation alternates between user and assistant roles and try again."
  );
}

function theUserIsLast({ messages }: ConverseRequest): string | undefined {
  if (messages.at(-1)?.role === "user") return undefined;
  return "This model does not support assistant message prefill. The conversation must end with a user message.";
}

function callsAreTheAssistantsAndResultsTheUsers({ messages }: ConverseRequest): string | undefined {
  for (const [index, { role, content }] of messages.entries()) {
    const misplaced = content.findIndex(({ toolUse, toolResult }) =>
      role === "user" ? toolUse !== undefined : toolResult !== undefined,
    );
    if (misplaced === -1) continue;
    const [block, right] = role === "user" ? ["toolUse", "assistant"] : ["toolResult", "user"];
    return `The ${block} block at messages.${index}.content.${misplaced} is only allowed in a message of the role ${right}.`;
  }
  return undefined;
}

function toolBlocksNeedTools({ messages, toolConfig }: ConverseRequest): string | undefined {
  if (toolConfig !== undefined) return undefined;
  const hasToolBlocks = messages.some(({ content }) =>
    content.some(({ toolUse, toolResult }) => toolUse !== undefined || toolResult !== undefined),
  );
  if (!hasToolBlocks) return undefined;
  return "The toolConfig field must be defined when using toolUse and toolResult content blocks.";
}

function toolNamesAreUnique(request: ConverseRequest): string | undefined {
  const names = toolNames(request);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  return twice === undefined ? undefined : `The toolConfig.tools field has two tools with the name ${twice}.`;
}

function theChosenToolIsThere(request: ConverseRequest): string | undefined {
  const chosen = request.toolConfig?.toolChoice?.tool?.name;
  if (chosen === undefined || toolNames(request).includes(chosen)) return undefined;
  return `The toolConfig.toolChoice.tool field names ${chosen}, which is not in toolConfig.tools.`;
}

function toolNames({ toolConfig }: ConverseRequest): string[] {
  return (toolConfig?.tools ?? []).flatMap(({ toolSpec }) => (toolSpec === undefined ? [] : [toolSpec.name]));
}

function everyCallHasItsResult({ messages }: ConverseRequest): string | undefined {
  let called: readonly string[] = [];
  for (const [index, message] of messages.entries()) {
    const wrong = wrongResults(message, called, `messages.${index}.content`);
    if (wrong !== undefined) return wrong;
    called = message.content.flatMap(({ toolUse }) => (toolUse === undefined ? [] : [toolUse.toolUseId]));
    if (new Set(called).size < called.length)
      return `The toolUse blocks at messages.${index}.content contain duplicate Ids.`;
  }
  return undefined;
}

/** Of one message, after one that has called. */
function wrongResults({ content }: Message, called: readonly string[], place: string): string | undefined {
  const given = content.flatMap(({ toolResult }) => (toolResult === undefined ? [] : [toolResult.toolUseId]));
  const missing = called.filter((id) => !given.includes(id));
  if (missing.length > 0)
    return `Expected toolResult blocks at ${place} for the following Ids: ${missing.join(", ")}`;
  const twice = given.find((id, index) => given.indexOf(id) < index);
  if (twice !== undefined) return `The toolResult blocks at ${place} contain duplicate Ids: ${twice}`;
  if (given.length <= called.length) return undefined;
  return `The number of toolResult blocks at ${place} exceeds the number of toolUse blocks of previous turn.`;
}

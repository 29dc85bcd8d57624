/** Fills the arguments of a call from what the user said and the schema's own defaults; it invents nothing. */
import { parseObject, type Schema } from "./conversation.ts";

export interface Filled {
  readonly input: Readonly<Record<string, unknown>>;
  /** Required, and nowhere said. */
  readonly missing: readonly string[];
}

/** JSON in the prompt is taken as it is. */
export function fill(schema: Schema, prompt: string): Filled {
  const properties = asRecord(schema["properties"]);
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const given = parseObject(/\{[\s\S]*\}/.exec(prompt)?.[0] ?? "");
  const input: Record<string, unknown> = {};
  const missing: string[] = [];
  for (const [name, described] of Object.entries(properties)) {
    const property = asRecord(described);
    const isRequired = required.includes(name);
    const value = given?.[name] ?? said(name, property, prompt, isRequired) ?? standing(property, isRequired);
    if (value !== undefined) input[name] = value;
    else if (isRequired) missing.push(name);
  }
  return { input, missing };
}

/** The answer to a question: whatever its schema wants of the user's words. */
export function fillAnswer(schema: Schema | undefined, prompt: string): Record<string, unknown> {
  const names = Object.keys(asRecord(schema?.["properties"]));
  const { input } = fill(schema ?? {}, prompt);
  const content: Record<string, unknown> = { ...input };
  for (const name of names) {
    const property = asRecord(asRecord(schema?.["properties"])[name]);
    if (property["type"] === "boolean") content[name] = isYes(prompt);
    else if (names.length === 1 && isNumber(property)) content[name] = firstNumber(prompt) ?? content[name];
    else if (names.length === 1 && isFreeText(property)) content[name] = prompt.trim();
  }
  return content;
}

export function isYes(text: string): boolean {
  return !/\b(no|not|don'?t|stop|never|reject|deny|abort)\b/i.test(text);
}

function said(name: string, property: Schema, prompt: string, isRequired: boolean): unknown {
  // `dataset` is also said as two words.
  const letters = name.replaceAll(/[^a-z0-9]/gi, "");
  if (letters === "") return undefined;
  const words = letters.split("").join("[\\s_-]?").replace(/s$/, "s?");
  const options = property["enum"];
  if (Array.isArray(options)) return options.find((option) => hasWord(prompt, String(option)));
  if (isNumber(property)) {
    const [, before, behind] =
      new RegExp(
        `(-?\\d+(?:\\.\\d+)?)\\s+(?:\\w+\\s+)?${words}\\b|\\b${words}\\s*(?:=|:|of|is|to)?\\s*(-?\\d+(?:\\.\\d+)?)`,
        "i",
      ).exec(prompt) ?? [];
    const number = before ?? behind;
    return number === undefined ? undefined : Number(number);
  }
  if (property["type"] === "boolean") {
    const [, value] =
      new RegExp(`\\b${words}\\s*(?:=|:|is)?\\s*(true|false|yes|no)\\b`, "i").exec(prompt) ?? [];
    return value === undefined ? undefined : /true|yes/i.test(value);
  }
  if (property["type"] === "string") return saidText(words, prompt, isRequired);
  return undefined;
}

function saidText(words: string, prompt: string, isRequired: boolean): string | undefined {
  const value = `["'“]?([\\w./:-]*\\w)`;
  const named = [
    `\\b${words}\\s*(?:=|:|is|named|called)\\s*${value}`,
    `([\\w./-]+)\\s+${words}\\b(?!\\s*(?:=|:))`,
    `\\b${words}\\s+${value}`,
  ];
  const loose = [`["'“]([^"'”]+)["'”]`, `\\b(?:on|of|from|named|called|for)\\s+(?:the\\s+)?${value}`];
  for (const pattern of isRequired ? [...named, ...loose] : named.slice(0, 1)) {
    const [, found] = new RegExp(pattern, "i").exec(prompt) ?? [];
    if (found !== undefined && !fillers.test(found)) return found;
  }
  return undefined;
}

/** Words that name nothing. */
const fillers = /^(the|a|an|this|that|my|our|on|of|from|for|with|to|in|by|and|please)$/i;

/** What the schema says itself. */
function standing(property: Schema, isRequired: boolean): unknown {
  return isRequired ? (property["default"] ?? property["const"]) : property["default"];
}

function isNumber({ type }: Schema): boolean {
  return type === "integer" || type === "number";
}

function isFreeText({ type, enum: options }: Schema): boolean {
  return type === "string" && options === undefined;
}

function firstNumber(text: string): number | undefined {
  const [found] = /-?\d+(?:\.\d+)?/.exec(text) ?? [];
  return found === undefined ? undefined : Number(found);
}

function hasWord(text: string, word: string): boolean {
  return ` ${text.toLowerCase()} `.split(/[^\w.-]+/).includes(word.toLowerCase());
}

function asRecord(value: unknown): Schema {
  return typeof value === "object" && value !== null ? (value as Schema) : {};
}

/** The model that a setting names. */
import type { Model } from "../model.ts";
import { chatCompletions } from "./chat-completions.ts";
import { ggufModel } from "./gguf.ts";
import { scriptedModel } from "./scripted/scripted.ts";

/** @throws TypeError */
export function openModel(setting: string): Model {
  if (setting === "scripted") return scriptedModel;
  const [, kind, what = ""] = /^(openai|ollama|gguf):(.+)$/.exec(setting) ?? [];
  const url = kind === "openai" ? parseUrl(what) : undefined;
  if (url !== undefined) return openAi(setting, url);
  if (kind === "ollama") {
    return chatCompletions({ name: setting, baseUrl: `${ollamaHost()}/v1`, model: what });
  }
  if (kind === "gguf") return ggufModel(setting, what);
  throw new TypeError(
    `model: "scripted", "openai:URL", "ollama:MODEL" or "gguf:FILE" was expected, ${JSON.stringify(setting)} came.`,
  );
}

/** Behind `#` stands which of the server's models. */
function openAi(name: string, url: URL): Model {
  const model = decodeURIComponent(url.hash.slice(1));
  url.hash = "";
  const apiKey = process.env["OPENAI_API_KEY"];
  return chatCompletions({ name, baseUrl: url.href, apiKey, ...(model !== "" && { model }) });
}

/** As Ollama's own client reads it: with or without a protocol. */
function ollamaHost(): string {
  const host = process.env["OLLAMA_HOST"] ?? "127.0.0.1:11434";
  return /^https?:/.test(host) ? host.replace(/\/$/, "") : `http://${host}`;
}

function parseUrl(text: string): URL | undefined {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) ? url : undefined;
}

/** The model that a setting names. */
import type { Model } from "../model.ts";
import { scriptedModel } from "./scripted/scripted.ts";

/** @throws TypeError */
export function openModel(setting: string): Model {
  if (setting === "scripted") return scriptedModel;
  throw new TypeError(
    `model: "scripted", "openai:URL", "ollama:MODEL" or "gguf:FILE" was expected, ${JSON.stringify(setting)} came.`,
  );
}

/** Amazon Bedrock Runtime on this machine. */
import type { Operation } from "../operation.ts";
import { converseOperations } from "./converse.ts";
import type { Model } from "./model.ts";
import { openModel } from "./models/open.ts";

export interface BedrockOptions {
  /**
   * What answers: `"scripted"`, a policy that answers from the conversation alone; `"openai:URL"`, `"ollama:MODEL"` or
   * `"gguf:FILE"` for a real model; or a {@link Model} of one's own. @default "scripted"
   */
  readonly model?: string | Model;
}

export interface Bedrock {
  readonly operations: readonly Operation[];
  readonly modelName: string;
  close(): Promise<void>;
}

/** @throws TypeError for a model that is not understood */
export function openBedrock({ model: wanted = "scripted" }: BedrockOptions): Bedrock {
  const model = typeof wanted === "string" ? openModel(wanted) : wanted;
  return {
    operations: converseOperations(model),
    modelName: model.name,
    close: async () => model.close?.(),
  };
}

/** The scripted model, and a log of the tools that it has called. */
import type { Model } from "agentcore-local";
import { scriptedModel } from "../../packages/agentcore-local/src/bedrock/models/scripted/scripted.ts";

export class Calls {
  readonly #names: string[] = [];
  readonly model: Model = {
    name: scriptedModel.name,
    generate: (request, signal) => this.#logged(scriptedModel.generate(request, signal)),
  };

  /** In their order. */
  get names(): readonly string[] {
    return this.#names;
  }

  async *#logged(pieces: ReturnType<Model["generate"]>): ReturnType<Model["generate"]> {
    for await (const piece of pieces) {
      if ("toolUse" in piece) this.#names.push(piece.toolUse.name);
      yield piece;
    }
  }
}

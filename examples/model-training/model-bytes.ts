/**
 * A model as bytes, for `task.save`: 200 KB at the default settings, a fifth of what JSON would need. Node's own
 * structured clone format keeps typed arrays as they are, and every later Node reads it.
 */
import { deserialize, serialize } from "node:v8";
import { z } from "zod";

import { settingsSchema } from "./settings.ts";
import type { Model } from "./training.ts";

/** What comes back may have been written by an older version of this program. */
const format = 1;
const saved = z.object({
  format: z.literal(format),
  model: z.object({
    settings: settingsSchema,
    epoch: z.int(),
    loss: z.number(),
    weights: z.instanceof(Float32Array),
  }),
});

export function encodeModel(model: Model): Uint8Array {
  return serialize({ format, model });
}

/** @throws when the bytes are no model, or one of another format. */
export function decodeModel(bytes: Uint8Array): Model {
  return saved.parse(deserialize(bytes)).model;
}

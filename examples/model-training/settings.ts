/** What a training can be told; also the arguments of the tool, with what a model is told about them. */
import { z } from "zod";

export const settingsSchema = z.object({
  hidden: z.int().min(1).max(512).default(64).describe("Units of the hidden layer"),
  // Low on purpose: 0.1 learns faster, but then there is little left to watch after the second epoch.
  rate: z.number().positive().max(1).default(0.015).describe("How far one step goes along the gradient"),
  batch: z.int().min(1).max(1_000).default(32).describe("Samples per step"),
  seed: z.int().min(0).default(1).describe("Equal seeds give equal models"),
});

export type Settings = Readonly<z.output<typeof settingsSchema>>;
export type SettingsInput = Readonly<z.input<typeof settingsSchema>>;

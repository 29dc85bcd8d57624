/** What the stories are measured by. */
import assert from "node:assert/strict";
import { loadDigits } from "../../examples/model-training/dataset.ts";
import { evaluate, fresh, trainEpoch } from "../../examples/model-training/training.ts";

/** Who tells the story: the demo aloud, a test in silence. */
export interface Narrator {
  readonly say: (text: string) => void;
  readonly progress: (done: number, total: number, text?: string) => void;
  /** Tells the claim once `proof` did not throw. */
  readonly prove: (claim: string, proof: () => void) => void;
}

/** Of a test, which counts what was proved. */
export class Listener implements Narrator {
  readonly claims: string[] = [];
  readonly say = (): void => undefined;
  readonly progress = (): void => undefined;
  readonly prove = (claim: string, proof: () => void): void => {
    try {
      proof();
    } catch (error) {
      throw new Error(`${claim}\n${String(error)}`, { cause: error });
    }
    this.claims.push(claim);
  };
}

export interface Order {
  readonly epochs: number;
  readonly hidden: number;
  readonly seed: number;
}

/** The accuracy of the same training without a server, an agent or an interruption. */
export async function accuracyAlone({ epochs, ...settings }: Order): Promise<number> {
  const data = await loadDigits();
  let model = fresh(data, settings);
  while (model.epoch < epochs) model = await trainEpoch(model, data);
  return evaluate(model, data, "test");
}

export function inWords({ epochs, hidden, seed }: Order): string {
  return `epochs ${epochs}, hidden ${hidden}, seed ${seed}`;
}

/** With which a model could ask after a task. */
const askingTools = /(check_task_status|get_task_results|list_tasks)$/;

export function assertNoneAsked(names: readonly string[]): void {
  assert.deepEqual(
    names.filter((name) => askingTools.test(name)),
    [],
  );
}

export function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** One kind of MCP client, as an act plays it. */
import type { Report } from "../../../packages/perdure/src/cli/bar.ts";
import type { TrainingInput, TrainingResult } from "../training.ts";

export interface Training {
  /** Absent while only the server knows. */
  readonly taskId: string | undefined;
  /** How long the client waited for a first answer. */
  readonly answeredMs: number | undefined;
  readonly result: Promise<TrainingResult>;
}

export interface ClientKind {
  readonly label: string;
  /** Calls `train_model`; resolves once the client holds a task, or waits in its call. */
  start(url: string, input: TrainingInput, report: (report: Report) => void): Promise<Training>;
  /** What this kind of client does when its server was away. */
  resume(url: string, training: Training, report: (report: Report) => void): Promise<TrainingResult>;
}

export const tool = "train_model";

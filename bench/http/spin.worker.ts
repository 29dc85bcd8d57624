/** Computes, and never looks up. */
import type { TaskContext } from "perdure";

export default function spin(_: object, task: TaskContext): never {
  task.progress(1);
  for (;;);
}

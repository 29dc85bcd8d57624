/** What cases assert again and again. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { type ErrorCode, PerdureError } from "../../task/errors.ts";
import type { TaskId } from "../../task/id.ts";
import type { ContractHarness } from "./harness.ts";

/** The store refuses: its promise rejects (it does not throw), with a `PerdureError` of this code. */
export async function refuses(
  code: ErrorCode,
  call: () => Promise<unknown>,
  about: string = code,
): Promise<PerdureError> {
  let refusal: unknown;
  await assert.rejects(
    call,
    (error) => {
      refusal = error;
      return true;
    },
    `${about}: must be refused with ${code}`,
  );
  assertCode(refusal, code, about);
  return refusal;
}

export function assertCode(
  error: unknown,
  code: ErrorCode,
  about: string = code,
): asserts error is PerdureError {
  assert.ok(error instanceof PerdureError, `${about}: a PerdureError, not ${String(error)}`);
  assert.equal(error.code, code, `${about}: ${error.message}`);
}

/** Nothing that the store tells of the task is another after `call`. */
export async function leavesUnchanged(
  harness: ContractHarness,
  taskId: TaskId,
  call: () => Promise<unknown>,
  about?: string,
): Promise<void> {
  const before = await harness.everything(taskId);
  await call();
  assert.deepEqual(await harness.everything(taskId), before, about);
}

/** It is there, and the fields named in `expected` are so; an expected `undefined` says that the field is absent. */
export function assertFields(actual: object | undefined, expected: Readonly<Record<string, unknown>>): void {
  assert.ok(actual, "it is there");
  const fields: Readonly<Record<string, unknown>> = { ...actual };
  const shown = Object.fromEntries(Object.keys(expected).map((field) => [field, fields[field]]));
  assert.deepEqual(shown, expected);
}

/** The same values, each as often, whatever their order. */
export function assertInAnyOrder(actual: readonly unknown[], expected: readonly unknown[]): void {
  const inOrder = (values: readonly unknown[]) => values.toSorted((a, b) => (String(a) < String(b) ? -1 : 1));
  assert.deepEqual(inOrder(actual), inOrder(expected));
}

/** For what another process must notice within some time: moves the clock, and lets real time pass beside it. */
export async function eventually(
  harness: ContractHarness,
  holds: () => boolean | Promise<boolean>,
  about: string,
): Promise<void> {
  for (let step = 0; step < 40; step++) {
    if (await holds()) return;
    await harness.clock.advance(100);
    await delay(2);
  }
  assert.fail(about);
}

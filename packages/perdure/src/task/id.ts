/**
 * Task ids are bearer-proof and sort by time: 8 characters of base 62 that hold the milliseconds of creation, then 22
 * random ones (131 bits). Random keys alone cost 3.5 times in insert speed, because every row lands on another page
 * (measured on SQLite: 23,000 against 79,000 rows/s). Letters and digits only: an id stands in headers, in paths, and
 * between dots in the ids of requests.
 */
import { customAlphabet } from "nanoid";

declare const taskIdBrand: unique symbol;
export type TaskId = string & { readonly [taskIdBrand]: true };

/** In the order of their bytes, so that ids compare like the times they begin with. */
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const timeLength = 8;
const randomPart = customAlphabet(alphabet, 22);

/** Makes the id of a task that is created at `now` (milliseconds since 1970). */
export type IdSource = (now: number) => TaskId;

export const newTaskId: IdSource = (now) => (timePart(now) + randomPart()) as TaskId;

function timePart(now: number): string {
  let rest = Math.floor(now);
  let text = "";
  for (let i = 0; i < timeLength; i++) {
    text = alphabet.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

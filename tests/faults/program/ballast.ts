/** A file that takes all the space there is. */
import { closeSync, openSync, writeSync } from "node:fs";

const most = 64 * 1_048_576;

export function fill(file: string): void {
  const descriptor = openSync(file, "a");
  try {
    for (const size of [65_536, 4_096, 512]) writeUntilFull(descriptor, Buffer.alloc(size));
  } finally {
    closeSync(descriptor);
  }
}

function writeUntilFull(descriptor: number, block: Buffer): void {
  try {
    for (let written = 0; ; written += block.length) {
      if (written > most) throw new Error("the file system is larger than it should be");
      writeSync(descriptor, block);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}

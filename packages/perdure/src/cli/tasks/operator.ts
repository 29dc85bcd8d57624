/** What only the operator of a store may do: of a server, nobody's own tools are there. */
import { type ExitCode, exitCodes } from "../exit.ts";
import { type Output, printable } from "../output.ts";
import { explained, openStoreApp } from "./store-source.ts";

export async function pause(store: string, tool: string, out: Output): Promise<ExitCode> {
  const app = openStoreApp(store);
  try {
    const paused = await explained(() => app.pause(tool));
    const said = paused ? "is paused. What runs goes on; nothing new begins." : "was paused before.";
    out.answer({ tool, paused: true }, `${printable(tool)} ${said}`);
    return exitCodes.ok;
  } finally {
    await app.close({ drainMs: 0 });
  }
}

export async function resume(store: string, tool: string, out: Output): Promise<ExitCode> {
  const app = openStoreApp(store);
  try {
    const resumed = await explained(() => app.resume(tool));
    out.answer({ tool, paused: false }, `${printable(tool)} ${resumed ? "is resumed." : "was not paused."}`);
    return exitCodes.ok;
  } finally {
    await app.close({ drainMs: 0 });
  }
}

/** `perdure agentcore`: a local AgentCore, where the package that is one is installed. The options are its own. */
import { CommandError, exitCodes } from "./exit.ts";

const packageName = "agentcore-local";

/** What this command uses of `agentcore-local/cli`. */
interface AgentCoreLocalCli {
  /** Returns when it serves; a signal ends the process. Sets the exit code. Never rejects. */
  readonly main: (argv: readonly string[]) => Promise<void>;
}

/** @throws CommandError `usage` where the package is not installed */
export async function agentcore(argv: readonly string[]): Promise<void> {
  const { main } = await load();
  await main(argv);
}

async function load(): Promise<AgentCoreLocalCli> {
  try {
    return (await import(`${packageName}/cli`)) as AgentCoreLocalCli;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND" || !message.includes(`'${packageName}'`)) throw error;
    throw new CommandError(
      exitCodes.usage,
      `a local AgentCore is a package of its own, and not installed here. Run: npm install --save-dev ${packageName}`,
      { cause: error },
    );
  }
}

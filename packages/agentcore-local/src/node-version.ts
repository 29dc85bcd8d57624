/** Imported first: a Node without `node:sqlite` is told so in one line, and not by a riddle. */
import module from "node:module";

if (!module.isBuiltin("node:sqlite")) {
  // The frames would be the module loader's.
  Error.stackTraceLimit = 0;
  throw new Error(
    `agentcore-local needs Node 22.13 or newer with node:sqlite; this is Node ${process.versions.node}.`,
  );
}

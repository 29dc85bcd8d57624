#!/usr/bin/env node
/** `perdure` on the command line. What follows is linked only once the Node is known to be new enough. */
import "../node-version.ts";

import("./program.ts").then(
  ({ main }) => main(process.argv),
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);

#!/usr/bin/env node
/** The program. What follows is linked only once the Node is known to be new enough. */
import "../node-version.ts";

import("./command-line.ts").then(
  ({ main }) => main(process.argv.slice(2)),
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);

import { runMatrix } from "./run-matrix.ts";

runMatrix("two processes behind a proxy");

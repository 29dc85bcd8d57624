import { runMatrix } from "./run-matrix.ts";

runMatrix("one process");

import { runMatrix } from "./run-matrix.ts";

runMatrix("two processes over Postgres");

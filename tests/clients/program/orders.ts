/** What a server process is told at its start. */
export interface Orders {
  /** Holds the record and the journal. */
  readonly folder: string;
  /** Of the record: `postgres://…`. Absent: a file in the folder. */
  readonly database?: string;
  /** 0: any free one; absent: standard input and output. */
  readonly port?: number;
  readonly name?: string;
  /** Of all its tools. */
  readonly prefix?: string;
  /** Bearer tokens and their principals; absent: everybody is `local`. */
  readonly tokens?: Readonly<Record<string, string>>;
}

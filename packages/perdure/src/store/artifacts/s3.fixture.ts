/** An S3 server of its own for a test, with one bucket. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RequestListener } from "node:http";
import { onTestFinished } from "vitest";

/** What is used of it: it has no types of its own. */
interface S3Server {
  configureBuckets(): Promise<unknown>;
  callback(): RequestListener;
}

type NewS3Server = new (options: {
  readonly silent: boolean;
  readonly directory: string;
  readonly allowMismatchedSignatures: boolean;
  readonly configureBuckets: readonly { readonly name: string }[];
}) => S3Server;

/** @returns the setting for `artifacts`, under `prefix` */
export async function s3Bucket(prefix = "some/where"): Promise<string> {
  const S3 = createRequire(import.meta.url)("@20minutes/s3rver") as NewS3Server;
  const directory = mkdtempSync(join(tmpdir(), "perdure-s3-"));
  const s3 = new S3({
    silent: true,
    directory,
    // It takes a parameter without a value (`?uploads`) for another text than the SDK signs.
    allowMismatchedSignatures: true,
    configureBuckets: [{ name: "bucket" }],
  });
  await s3.configureBuckets();
  const server = createServer(s3.callback()).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  process.env["AWS_ACCESS_KEY_ID"] = "S3RVER";
  process.env["AWS_SECRET_ACCESS_KEY"] = "S3RVER";
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return `s3://bucket/${prefix}?endpoint=${encodeURIComponent(endpoint)}&region=us-east-1&pathStyle=true`;
}

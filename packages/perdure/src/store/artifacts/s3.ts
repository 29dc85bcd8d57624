/**
 * Artifacts as objects of a bucket: `s3://bucket/prefix`, by the AWS SDK, which is loaded when it is first needed. Whom
 * it speaks as, and in which region, is found as the SDK always does; for another service that speaks S3,
 * `?endpoint=https://…&region=…`, and `&pathStyle=true` where buckets are no host names.
 *
 * An object is uploaded in parts, of which two are under way: 48 MiB of memory for each artifact that is written, and
 * 10,000 parts, 156 GiB, at most. It appears when its upload is completed. What is left of an upload that was not costs
 * money and is not seen: the sweep ends it.
 */
import { PassThrough, type Readable } from "node:stream";
import { once } from "node:events";
import type * as S3 from "@aws-sdk/client-s3";
import type * as S3Upload from "@aws-sdk/lib-storage";
import { PerdureError, quote } from "../../task/errors.ts";
import type { TaskId } from "../../task/id.ts";
import { artifactFile, taskFolder } from "./artifact-path.ts";
import type { ArtifactKey, ArtifactStore, ArtifactWriter, ByteRange } from "./artifact-store.ts";
import { bucketError, goneError } from "./errors.ts";

const partBytes = 16_777_216;
const partsUnderWay = 2;

interface Place {
  readonly bucket: string;
  /** Empty, or ends in a slash. */
  readonly prefix: string;
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  readonly pathStyle: boolean;
}

/** @throws PerdureError `INVALID_OPTION` */
export function openS3Artifacts(url: string): ArtifactStore {
  return new S3Artifacts(toPlace(url));
}

function toPlace(url: string): Place {
  const parsed = URL.parse(url);
  const known = new Set(["endpoint", "region", "pathStyle"]);
  const unknown = [...(parsed?.searchParams.keys() ?? [])].find((name) => !known.has(name));
  // A secret does not belong into a setting that is told in messages.
  if (parsed === null || parsed.host === "" || parsed.username !== "" || unknown !== undefined) {
    throw new PerdureError("INVALID_OPTION", {
      message: `artifacts must be like "s3://bucket/prefix?endpoint=…&region=…&pathStyle=true", without credentials; ${quote(url.replace(/\/\/.*@/, "//…@"))} came.`,
    });
  }
  const prefix = decodeURIComponent(parsed.pathname).replace(/^\/+|\/+$/g, "");
  return {
    bucket: parsed.host,
    prefix: prefix === "" ? "" : `${prefix}/`,
    endpoint: parsed.searchParams.get("endpoint") ?? undefined,
    region: parsed.searchParams.get("region") ?? undefined,
    pathStyle: parsed.searchParams.get("pathStyle") === "true",
  };
}

class S3Artifacts implements ArtifactStore {
  readonly location: string;
  readonly #place: Place;
  #loaded: Promise<Loaded> | undefined;

  constructor(place: Place) {
    this.#place = place;
    this.location = `s3://${place.bucket}/${place.prefix}`;
  }

  async create(key: ArtifactKey): Promise<ArtifactWriter> {
    const { client, lib } = await this.#load();
    const body = new PassThrough({ highWaterMark: 1_048_576 });
    const upload = new lib.Upload({
      client,
      params: { ...this.#object(key), Body: body },
      partSize: partBytes,
      queueSize: partsUnderWay,
    });
    const done = upload.done();
    // Heard by whoever writes or finishes next.
    const failed = new Promise<never>((_, reject) => {
      // oxlint-disable-next-line typescript/use-unknown-in-catch-callback-variable -- the SDK throws errors
      done.catch((error: Error) => {
        body.destroy();
        reject(error);
      });
    });
    failed.catch(() => undefined);
    return {
      write: (chunk) =>
        this.#told(async () => {
          // A copy: the chunk may be used again, and a part collects many.
          if (!body.write(Buffer.from(chunk))) await Promise.race([once(body, "drain"), failed]);
        }),
      finish: () =>
        this.#told(async () => {
          body.end();
          await done;
        }),
      abort: () =>
        this.#told(async () => {
          await upload.abort();
          body.destroy();
          await done.catch(() => undefined);
        }),
    };
  }

  async open(key: ArtifactKey, range?: ByteRange): Promise<Readable> {
    const { client, s3 } = await this.#load();
    const Range = range === undefined ? undefined : `bytes=${range.start}-${range.end}`;
    try {
      const { Body } = await client.send(
        new s3.GetObjectCommand({ ...this.#object(key), ...(Range !== undefined && { Range }) }),
      );
      return Body as Readable;
    } catch (error) {
      if (error instanceof s3.NoSuchKey) throw goneError(key.name, this.location);
      throw bucketError(error, this.location);
    }
  }

  async remove(key: ArtifactKey): Promise<void> {
    await this.#told(async () => {
      const { client, s3 } = await this.#load();
      await client.send(new s3.DeleteObjectCommand(this.#object(key)));
      await this.#endUploads(this.#object(key).Key, new Set());
    });
  }

  async sweep(taskId: TaskId, keep: readonly ArtifactKey[]): Promise<void> {
    await this.#told(async () => {
      const { client, s3 } = await this.#load();
      const { bucket: Bucket, prefix } = this.#place;
      const Prefix = `${prefix}${taskFolder(taskId)}/`;
      const kept = new Set(keep.map((key) => this.#object(key).Key));
      // First: an upload that is completed meanwhile is among the objects.
      await this.#endUploads(Prefix, kept);
      for await (const { Contents = [] } of s3.paginateListObjectsV2({ client }, { Bucket, Prefix })) {
        for (const { Key } of Contents) {
          if (Key !== undefined && !kept.has(Key))
            await client.send(new s3.DeleteObjectCommand({ Bucket, Key }));
        }
      }
    });
  }

  async #endUploads(Prefix: string, kept: ReadonlySet<string>): Promise<void> {
    const { client, s3 } = await this.#load();
    const { bucket: Bucket } = this.#place;
    // Not every service that speaks S3 can list them: there, a rule of the bucket's own has to end them.
    const { Uploads = [] } = await client
      .send(new s3.ListMultipartUploadsCommand({ Bucket, Prefix }))
      .catch((error: unknown) => {
        if ((error as Error).name === "NotImplemented") return { Uploads: [] };
        throw error;
      });
    for (const { Key, UploadId } of Uploads) {
      if (Key === undefined || !Key.startsWith(Prefix) || kept.has(Key)) continue;
      await client.send(new s3.AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
    }
  }

  async close(): Promise<void> {
    const loaded = await this.#loaded?.catch(() => undefined);
    loaded?.client.destroy();
  }

  #object(key: ArtifactKey): { readonly Bucket: string; readonly Key: string } {
    const { bucket, prefix } = this.#place;
    return { Bucket: bucket, Key: `${prefix}${taskFolder(key.taskId)}/${artifactFile(key)}` };
  }

  #load(): Promise<Loaded> {
    this.#loaded ??= load(this.#place);
    return this.#loaded;
  }

  async #told<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw bucketError(error, this.location);
    }
  }
}

interface Loaded {
  readonly client: S3.S3Client;
  readonly s3: typeof S3;
  readonly lib: typeof S3Upload;
}

/** @throws PerdureError `INVALID_OPTION` where the SDK is not installed */
async function load({ endpoint, region, pathStyle }: Place): Promise<Loaded> {
  try {
    const [s3, lib] = await Promise.all([import("@aws-sdk/client-s3"), import("@aws-sdk/lib-storage")]);
    const client = new s3.S3Client({
      ...(endpoint !== undefined && { endpoint }),
      ...(region !== undefined && { region }),
      forcePathStyle: pathStyle,
    });
    return { client, s3, lib };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new PerdureError("INVALID_OPTION", {
      message: `artifacts in S3 need the AWS SDK: npm install @aws-sdk/client-s3 @aws-sdk/lib-storage`,
      cause: error,
    });
  }
}

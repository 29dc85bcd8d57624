/**
 * `GET <endpoint>/artifacts/<task>/<name>`: the bytes of an artifact, under the same principal as MCP beside it, with
 * ranges and an ETag. What a handler wrote may be a page with a script in it: nothing is ever shown in place, under this
 * origin. It is an attachment, of a type that no browser executes, which none may guess otherwise.
 */
import type { Readable } from "node:stream";
import type { ByteRange } from "../../store/artifacts/artifact-store.ts";
import type { RecordedArtifact } from "../../task/artifact.ts";
import type { TaskId } from "../../task/id.ts";
import { fromSegment } from "../call/artifact-links.ts";
import type { Service } from "../service.ts";
import { type HttpRequest, type HttpResponder, sendError } from "./request.ts";

export interface ArtifactPath {
  readonly taskId: TaskId;
  readonly name: string;
}

/** Wherever the endpoint is mounted. `undefined`: the path is of something else. */
export function artifactPath(path: string): ArtifactPath | undefined {
  const [, taskId, segment] = /\/artifacts\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  const name = segment === undefined ? undefined : fromSegment(segment);
  return taskId === undefined || name === undefined ? undefined : { taskId: taskId as TaskId, name };
}

export async function serveArtifact(
  { runtime }: Service,
  { taskId, name }: ArtifactPath,
  owner: string,
  request: HttpRequest,
  responder: HttpResponder,
): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return sendError(responder, 405, -32_000, "Method not allowed.", { allow: "GET, HEAD" });
  }
  const artifact = await runtime.artifacts.find({ taskId, owner }, name);
  if (artifact === undefined) {
    return sendError(
      responder,
      404,
      -32_002,
      "There is no such artifact: it never was, it has expired, or it is not yours.",
    );
  }
  const headers = headersOf(artifact);
  if (request.header("if-none-match")?.includes(headers.etag) === true) {
    responder.head(304, { etag: headers.etag, "cache-control": headers["cache-control"] });
    return responder.end();
  }
  const range = rangeOf(request, artifact, headers.etag);
  if (range === "none of it") {
    return sendError(responder, 416, -32_000, "No such range", {
      "content-range": `bytes */${artifact.size}`,
    });
  }
  const length = range === undefined ? artifact.size : range.end - range.start + 1;
  const stream =
    request.method === "HEAD" ? undefined : await runtime.artifacts.open(taskId, artifact, range);
  responder.head(range === undefined ? 200 : 206, {
    ...headers,
    "content-length": String(length),
    ...(range !== undefined && { "content-range": `bytes ${range.start}-${range.end}/${artifact.size}` }),
  });
  if (stream === undefined) responder.end();
  else await send(stream, responder);
}

function headersOf({ name, mediaType, sha256 }: RecordedArtifact) {
  return {
    "content-type": inert(mediaType),
    "content-disposition": `attachment; filename*=UTF-8''${fileName(name)}`,
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cross-origin-resource-policy": "same-origin",
    "accept-ranges": "bytes",
    "cache-control": "private, no-cache",
    etag: `"${sha256}"`,
  };
}

const inertTypes =
  /^(text\/(plain|csv|markdown)|application\/(json|pdf|zip|gzip|x-tar|octet-stream)|(audio|video|font)\/[\w.+-]+|image\/(png|jpeg|gif|webp|avif|bmp|tiff))(;|$)/;

/** What a browser might execute (a page, SVG, XML, a script) and what nobody knows goes as mere bytes. */
function inert(mediaType: string): string {
  return inertTypes.test(mediaType) ? mediaType : "application/octet-stream";
}

/** Control characters, those that turn the direction of text, and what a file system could take for something else. */
// oxlint-disable-next-line no-control-regex -- it is these that are looked for
const unsafe = /[\u0000-\u001f\u007f"*:<>?|\u202a-\u202e\u2066-\u2069]/g;

/** The last part of a name, as RFC 8187 encodes it. */
function fileName(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? "";
  const safe = last.replace(unsafe, "_").slice(0, 200).toWellFormed();
  return encodeURIComponent(/^\.*$/.test(safe) ? "artifact" : safe).replace(
    /['()]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16)}`,
  );
}

/** One range of bytes. Several, other units and what is no range are answered with all of it, as RFC 9110 allows. */
function rangeOf(
  request: HttpRequest,
  { size }: RecordedArtifact,
  etag: string,
): ByteRange | "none of it" | undefined {
  const condition = request.header("if-range");
  if (condition !== undefined && condition !== etag) return undefined;
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(request.header("range") ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== "" && last !== "" && Number(last) < start) return undefined;
  return start <= end ? { start, end } : "none of it";
}

/** As fast as the client reads. What breaks in the middle cuts the connection: the length said what was to come. */
async function send(stream: Readable, responder: HttpResponder): Promise<void> {
  const leave = (): void => void stream.destroy();
  if (responder.closed.aborted) leave();
  else responder.closed.addEventListener("abort", leave, { once: true });
  for await (const chunk of stream) {
    responder.write(chunk as Uint8Array);
    await responder.drained();
  }
  responder.end();
}

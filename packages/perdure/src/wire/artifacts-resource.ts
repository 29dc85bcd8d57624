/**
 * `resources/read` of artifacts: the list of a task's, each whole, or a part of it.
 *
 * MCP has no ranges, and its answer is one message: so a part is a resource of its own, with `?start=…&end=…` (both
 * included) behind the URI, and a whole one that is too large for a message is refused with what to do instead.
 */
import { text as textOf, buffer as bytesOf } from "node:stream/consumers";
import {
  ProtocolError as SdkProtocolError,
  ResourceNotFoundError,
  ResourceTemplate,
} from "@modelcontextprotocol/server";
import { toRange } from "../engine/byte-range.ts";
import type { RecordedArtifact } from "../task/artifact.ts";
import { PerdureError } from "../task/errors.ts";
import type { TaskId } from "../task/id.ts";
import { artifactsUri, artifactUri, fromSegment } from "./call/artifact-links.ts";
import type { SdkServerOptions, ToolServer } from "./sdk-server.ts";
import type { Service } from "./service.ts";

/** Of one message: base64 makes a third more of it, and it stands in memory some times over. */
const maxMessageBytes = 8_388_608;

export function registerArtifacts(server: ToolServer, service: Service, options: SdkServerOptions): void {
  const { artifacts } = service.runtime;
  server.registerResource(
    "task-artifacts",
    new ResourceTemplate(artifactsUri("{taskId}"), { list: undefined }),
    {
      description: "The artifacts of a task: name, uri, media type, size, SHA-256.",
      mimeType: "application/json",
    },
    async (uri, { taskId }, context) => {
      const { owner } = options.callerOf(context);
      const found = await artifacts.list({ taskId: String(taskId) as TaskId, owner });
      if (found === undefined) throw new ResourceNotFoundError(uri.href);
      const list = found.map(({ name, mediaType, size, sha256 }) => ({
        name,
        uri: artifactUri(String(taskId), name),
        media_type: mediaType,
        size,
        sha256,
      }));
      return { contents: [{ uri: uri.href, mimeType: "application/json", text: JSON.stringify(list) }] };
    },
  );
  server.registerResource(
    "task-artifact",
    new ResourceTemplate(`${artifactsUri("{taskId}")}/{name}`, { list: undefined }),
    {
      description:
        `An artifact of a task, of at most ${maxMessageBytes} bytes; ` +
        `or a part of any: with ?start=0&end=1048575 behind it, both included.`,
    },
    async (uri, { taskId, name: segment }, context) => {
      const { owner } = options.callerOf(context);
      const name = fromSegment(String(segment).replace(/\?.*$/s, ""));
      const key = { taskId: String(taskId) as TaskId, owner };
      const artifact = name === undefined ? undefined : await artifacts.find(key, name);
      if (artifact === undefined) throw new ResourceNotFoundError(uri.href);
      const contents = await read(service, key.taskId, artifact, uri);
      return { contents: [{ uri: uri.href, mimeType: artifact.mediaType, ...contents }] };
    },
  );
}

async function read(
  { runtime }: Service,
  taskId: TaskId,
  artifact: RecordedArtifact,
  uri: URL,
): Promise<{ readonly text: string } | { readonly blob: string }> {
  const range = rangeOf(artifact, uri);
  const bytes = range === undefined ? artifact.size : range.end - range.start + 1;
  if (bytes > maxMessageBytes) throw invalidParams(tooLarge(bytes));
  const stream = await runtime.artifacts.open(taskId, artifact, range);
  // A part may cut a character in two: it is always bytes.
  if (range === undefined && isText(artifact.mediaType)) return { text: await textOf(stream) };
  return { blob: (await bytesOf(stream)).toString("base64") };
}

/** @throws SdkProtocolError */
function rangeOf(artifact: RecordedArtifact, { searchParams }: URL) {
  const [start, end] = [searchParams.get("start"), searchParams.get("end")];
  try {
    return toRange(artifact, {
      ...(start !== null && { start: Number(start) }),
      ...(end !== null && { end: Number(end) }),
    });
  } catch (error) {
    if (error instanceof PerdureError && error.code === "INVALID_OPTION") throw invalidParams(error.message);
    throw error;
  }
}

function tooLarge(bytes: number): string {
  return (
    `${bytes} bytes are more than one message carries (${maxMessageBytes}). Read a part, with ?start=0&end=1048575 ` +
    `behind the URI, or fetch it over HTTP: GET <endpoint>/artifacts/<task>/<name>.`
  );
}

function invalidParams(message: string): SdkProtocolError {
  return new SdkProtocolError(-32_602, message);
}

function isText(mediaType: string): boolean {
  return /^(text\/[^;]*|application\/([^;]*\+)?(json|xml))(;charset=utf-8)?$/i.test(mediaType);
}

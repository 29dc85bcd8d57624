/** How a client hears of artifacts: resource links in the tool result, on every channel, and under what URI each is. */
import type { RecordedArtifact } from "../../task/artifact.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { Service } from "../service.ts";
import { type ContentBlock, textBlock, toOutcome, type ToolOutcome } from "./tool-result.ts";

/** More would fill a model's context; the resource of all of them has the rest. */
const maxLinks = 100;

/** The outcome of an ended task, with links to what it has left. */
export async function toLinkedOutcome(service: Service, task: TaskRecord): Promise<ToolOutcome> {
  const outcome = toOutcome(service, task);
  if ("error" in outcome || task.artifacts === undefined) return outcome;
  const artifacts = await service.runtime.artifacts.of(task);
  const { content, ...result } = outcome.result;
  return { result: { ...result, content: [...content, ...links(task, artifacts)] } };
}

function links({ id }: TaskRecord, artifacts: readonly RecordedArtifact[]): ContentBlock[] {
  const shown = artifacts.slice(0, maxLinks).map(({ name, mediaType, size }) => ({
    type: "resource_link",
    uri: artifactUri(id, name),
    name,
    mimeType: mediaType,
    size,
  }));
  const more = artifacts.length - shown.length;
  return more > 0
    ? [...shown, textBlock(`${more} more are listed by the resource ${artifactsUri(id)}.`)]
    : shown;
}

/** Of the list of a task's artifacts. */
export function artifactsUri(taskId: string): string {
  return `perdure://tasks/${taskId}/artifacts`;
}

export function artifactUri(taskId: string, name: string): string {
  return `${artifactsUri(taskId)}/${toSegment(name)}`;
}

/** A name as one segment of a path. What only dots would be taken for a folder gets a mark in front. */
export function toSegment(name: string): string {
  return encodeURIComponent(/^(~|\.\.?$)/.test(name) ? `~${name}` : name);
}

/** `undefined` for what is no segment. */
export function fromSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment).replace(/^~/, "");
  } catch {
    return undefined;
  }
}

/**
 * A message of Strands in TypeScript as Bedrock's Converse has it, which is how Python keeps it, and back.
 *
 * They differ in four places: TypeScript says `reasoning`, `citations`, `cachePoint.cacheType` and
 * `guardContent.text` where Converse has `reasoningContent`, `citationsContent`, `cachePoint.type` and
 * `guardContent.text.text`; and bytes are base64 in the one's JSON and bytes in the other. What Converse has no word for
 * (an image by its URL) stays as TypeScript has it. Of what comes back, a block that is not understood is left out, and
 * costs nothing else.
 */
import type { ContentBlockData, Message, MessageData } from "@strands-agents/sdk";
import type { ContentBlock, ConverseMessage } from "../agentcore/session-format.ts";

type Json = Readonly<Record<string, unknown>>;

/** Neither `trackingId` nor `metadata`, which are of this process. */
export function toConverse(message: Pick<Message, "role" | "content">): ConverseMessage {
  return {
    role: message.role,
    content: message.content.map((block) => blockToConverse(block.toJSON() as Json)),
  };
}

/** `undefined`: nothing of it is understood. @param onSkipped is told how many blocks were left out */
export function fromConverse(
  { role, content }: ConverseMessage,
  onSkipped: (blocks: number) => void = () => undefined,
): MessageData | undefined {
  const understood = content.flatMap((block) => blockFromConverse(block) ?? []);
  if (understood.length < content.length) onSkipped(content.length - understood.length);
  return understood.length === 0 ? undefined : { role, content: understood };
}

function blockToConverse(block: Json): ContentBlock {
  const [kind = "", value] = Object.entries(block)[0] ?? [];
  if (!isObject(value)) return block;
  switch (kind) {
    case "image":
    case "video":
    case "audio":
    case "document":
      return { [kind]: withSource(value, decoded) };
    case "toolResult": {
      const content = value["content"] as readonly Json[];
      return { toolResult: { ...value, content: content.map(blockToConverse) } };
    }
    case "reasoning": {
      const { redactedContent, ...reasoningText } = value;
      return {
        reasoningContent: {
          ...(Object.keys(reasoningText).length > 0 && { reasoningText }),
          ...(redactedContent !== undefined && { redactedContent: decoded(redactedContent) }),
        },
      };
    }
    case "citations": {
      const citations = value["citations"] as readonly Json[];
      return { citationsContent: { ...value, citations: citations.map(citationToConverse) } };
    }
    case "cachePoint": {
      const { cacheType, ...rest } = value;
      return { cachePoint: { type: cacheType, ...rest } };
    }
    case "guardContent": {
      const { text, image } = value;
      return { guardContent: isObject(image) ? { image: withSource(image, decoded) } : { text } };
    }
    default:
      return block;
  }
}

function blockFromConverse(block: ContentBlock): ContentBlockData | undefined {
  try {
    return readBlock(block) as ContentBlockData | undefined;
  } catch {
    return undefined; // whatever it is that another program wrote
  }
}

function readBlock(block: ContentBlock): Json | undefined {
  const [kind = ""] = Object.keys(block);
  const value = block[kind];
  if (kind === "text") return typeof value === "string" ? { text: value } : undefined;
  if (!isObject(value)) return undefined;
  switch (kind) {
    case "image":
    case "video":
    case "audio":
    case "document":
      return typeof value["format"] === "string" && hasSource(value) ? { [kind]: value } : undefined;
    case "toolUse": {
      const { toolUseId, name, input = {} } = value;
      const isOne = typeof toolUseId === "string" && typeof name === "string";
      return isOne ? { toolUse: { ...value, input } } : undefined;
    }
    case "toolResult":
      return readToolResult(value);
    case "reasoningContent": {
      const { reasoningText, redactedContent } = value;
      const reasoning = {
        ...(isObject(reasoningText) && withoutNull(reasoningText)),
        ...(redactedContent instanceof Uint8Array && { redactedContent }),
      };
      return Object.keys(reasoning).length === 0 ? undefined : { reasoning };
    }
    case "citationsContent": {
      const { citations = [], content = [] } = value;
      if (!Array.isArray(citations) || !Array.isArray(content)) return undefined;
      return { citations: { citations: citations.flatMap((one) => readCitation(one) ?? []), content } };
    }
    case "cachePoint": {
      const { type, ...rest } = value;
      return { cachePoint: { cacheType: type, ...rest } };
    }
    case "guardContent":
      return readGuard(value);
    default:
      return undefined;
  }
}

function readToolResult(value: Json): Json | undefined {
  const { toolUseId, status = "success", content } = value;
  if (typeof toolUseId !== "string" || !Array.isArray(content)) return undefined;
  const read = (content as unknown[]).flatMap((inner): unknown[] => {
    if (!isObject(inner)) return [];
    if ("json" in inner) return [{ json: inner["json"] }];
    const one = blockFromConverse(inner);
    return one !== undefined && Object.keys(one).some((kind) => inResults.has(kind)) ? [one] : [];
  });
  return { toolResult: { toolUseId, status: status === "error" ? "error" : "success", content: read } };
}

function readGuard({ text, image }: Json): Json | undefined {
  if (isObject(text) && typeof text["text"] === "string") return { guardContent: { text } };
  return isObject(image) && hasSource(image) ? { guardContent: { image } } : undefined;
}

const inResults = new Set(["text", "image", "video", "document"]);

/** Converse names the kind of a location by its key, TypeScript by a field. */
function citationToConverse(citation: Json): Json {
  const { location, ...rest } = citation;
  const { type, ...place } = location as Json;
  const kind = type === "searchResult" ? "searchResultLocation" : String(type);
  return { location: { [kind]: place }, ...rest };
}

function readCitation(citation: unknown): Json | undefined {
  if (!isObject(citation) || !isObject(citation["location"])) return undefined;
  const [kind, place] = Object.entries(citation["location"])[0] ?? [];
  if (kind === undefined || !isObject(place)) return undefined;
  const type = kind === "searchResultLocation" ? "searchResult" : kind;
  const { source = "", sourceContent = [], title = "" } = citation;
  return { location: { type, ...place }, source, sourceContent, title };
}

function withSource(media: Json, convert: (bytes: unknown) => unknown): Json {
  const { source, ...rest } = media;
  if (!isObject(source) || source["bytes"] === undefined) return media;
  return { ...rest, source: { ...source, bytes: convert(source["bytes"]) } };
}

function hasSource({ source }: Json): boolean {
  if (!isObject(source)) return false;
  const { bytes, location, url, text, content } = source;
  return (
    bytes instanceof Uint8Array ||
    isObject(location) ||
    typeof url === "string" ||
    typeof text === "string" ||
    Array.isArray(content)
  );
}

function decoded(bytes: unknown): unknown {
  return typeof bytes === "string" ? new Uint8Array(Buffer.from(bytes, "base64")) : bytes;
}

/** Python writes `"signature": null`. */
function withoutNull(value: Json): Json {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== null));
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

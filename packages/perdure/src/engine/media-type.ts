import { MIMEType } from "node:util";
import { PerdureError, quote } from "../task/errors.ts";

const maxMediaTypeLength = 255;

/**
 * A media type in its canonical form. It becomes a header of HTTP: what is not `type/subtype` with parameters, in
 * ASCII, is refused. (`MIMEType` of Node drops what it does not understand of the parameters.)
 * @throws PerdureError `INVALID_OPTION`
 */
export function toMediaType(text: string): string {
  try {
    if (typeof text === "string" && text.length <= maxMediaTypeLength && /^[\x20-\x7e]*$/.test(text)) {
      return new MIMEType(text).toString();
    }
  } catch {
    // told below
  }
  throw new PerdureError("INVALID_OPTION", {
    message: `mediaType must be a media type like "text/csv" or "image/png"; ${quote(text)} came.`,
  });
}

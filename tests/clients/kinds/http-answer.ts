/** Reads the answer to a POST of Streamable HTTP: JSON, or the message with an answer at the end of a stream. */

export interface Notification {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export async function readAnswer(
  response: Response,
  onNotification: (notification: Notification) => void = () => undefined,
): Promise<unknown> {
  const type = response.headers.get("content-type") ?? "";
  if (type.includes("application/json")) return response.json();
  if (!type.includes("text/event-stream") || response.body === null) {
    throw new Error(`HTTP ${response.status} without an answer`);
  }
  let text = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) {
      const data = /^data: (.+)$/m.exec(event)?.[1];
      if (data === undefined) continue;
      const message = JSON.parse(data) as Notification | object;
      if (!("method" in message)) return message;
      onNotification(message);
    }
  }
  throw new Error("the stream ended without an answer");
}

/**
 * `starts.server.ts <file>`: perdure with its default settings. The tasks never end, as the tasks are that it is made
 * for: the slots are soon taken, and a start is a durable place in the queue.
 */
import { perdure } from "perdure";
import { description, order } from "./order.ts";

const [file = ""] = process.argv.slice(2);
const app = perdure({ name: "bench", version: "1.0.0", store: `sqlite:${file}` });
const never = (): Promise<never> => new Promise(() => undefined);
app.task("bench", { description, input: order }, never);
app.task("background", { description, input: order, start: "background" }, never);
const { url } = await app.listen({ port: 0 });
process.send?.(url);

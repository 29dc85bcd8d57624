/** The app under test, over the wrapped driver, with its tools and its caller. */
import { type App, perdure } from "../../../packages/perdure/src/index.ts";
import { nodeSqlite, openSqliteStore } from "../../../packages/perdure/src/store/sqlite/index.ts";
import { Journal } from "../journal.ts";
import { WritePoints } from "../write-points.ts";
import { Client } from "./client.ts";
import type { Orders } from "./orders.ts";
import { addThreadedTool, addTools } from "./tools.ts";

export interface Program {
  readonly orders: Orders;
  readonly journal: Journal;
  readonly points: WritePoints;
  readonly app: App;
  readonly client: Client;
  readonly close: (drainMs: number) => Promise<void>;
}

export function startProgram(): Program {
  const orders = JSON.parse(process.argv[2] ?? "") as Orders;
  const journal = new Journal(orders.journal);
  const points = new WritePoints(journal, orders.store, orders.ambush);
  const store = openSqliteStore({ file: orders.store, driver: points.wrap(nodeSqlite) });
  const app = perdure({ name: "faults", version: "1.0.0", store, linger: 25 });
  addTools(app, journal, { stepMs: orders.stepMs });
  if (orders.threads === true) addThreadedTool(app, orders.journal);
  const client = new Client(app, journal, orders);
  const close = async (drainMs: number): Promise<void> => {
    client.close();
    await app.close({ drainMs });
    await store.close();
  };
  return { orders, journal, points, app, client, close };
}

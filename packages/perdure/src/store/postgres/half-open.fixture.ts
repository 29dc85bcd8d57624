/**
 * A network between a store and its database that can fall silent: nothing is closed, nothing is refused, and what is
 * sent is never heard of. A cable that was pulled, a firewall that forgot, a machine that stands still.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Network {
  readonly url: string;
  /** From now on every byte is swallowed, of the connections that are there and of new ones, which are accepted. */
  readonly fallSilent: () => void;
  /** New connections get through again. Those of before stay dead, and are not told. */
  readonly comeBack: () => void;
  readonly close: () => Promise<void>;
}

export async function startNetwork(target: string): Promise<Network> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let outage = 0;
  let silent = false;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const begun = outage;
    const isHeard = (): boolean => !silent && begun === outage;
    const carry = (from: Socket, to: Socket): void => {
      sockets.add(from);
      from.on("error", () => undefined);
      from.on("data", (bytes) => {
        if (isHeard()) to.write(bytes);
      });
      from.on("close", () => {
        sockets.delete(from);
        if (isHeard()) to.destroy();
      });
    };
    carry(client, upstream);
    carry(upstream, client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    fallSilent: () => {
      silent = true;
      outage++;
    },
    comeBack: () => {
      silent = false;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** AgentCore Gateway: what is configured, and its operations. */
import type { Clock } from "../clock.ts";
import type { Operation } from "../operation.ts";
import type { RuntimeService } from "../runtime/service.ts";
import { Gateway, GatewayDefinition, type GatewayOptions } from "./gateway.ts";
import { gatewayOperations } from "./operations.ts";

export interface GatewaysOptions {
  /** The gateways that there are. */
  readonly gateways?: readonly GatewayOptions[];
}

export class GatewayService {
  readonly operations: readonly Operation[];
  readonly #gateways: readonly Gateway[];
  readonly #address: () => string;

  /** @throws Error that names what is wrong in the options; TypeError for a target that is no runtime here */
  constructor(
    { gateways = [] }: GatewaysOptions,
    clock: Clock,
    runtimes: RuntimeService,
    address: () => string,
  ) {
    this.#address = address;
    this.#gateways = gateways.map((one) => {
      const definition = GatewayDefinition.parse(one);
      const { runtime, url = "" } = definition.target;
      if (runtime !== undefined) runtimes.address(runtime);
      const targetUrl = () => (runtime === undefined ? url : runtimes.address(runtime).url);
      return new Gateway(definition, { clock, limitMs: runtimes.limits.gatewayMs, targetUrl });
    });
    this.operations = gatewayOperations(this.#gateways, address);
  }

  /** @throws TypeError for a name that is not configured */
  url(name: string): string {
    const found = this.#gateways.find((gateway) => gateway.name === name);
    if (found === undefined) throw new TypeError(`There is no gateway ${JSON.stringify(name)}.`);
    return found.urlAt(this.#address());
  }
}

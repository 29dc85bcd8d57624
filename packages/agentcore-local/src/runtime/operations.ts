/** What callers of a runtime can ask for, by the AWS SDK or by HTTP with a bearer token. */
import { z } from "zod";
import { type Operation, operation } from "../operation.ts";
import type { Request } from "../http/two-protocols.ts";
import { notFound, ServiceError, validationError } from "../service-error.ts";
import { headerOf } from "./allow-list.ts";
import { type InvocationSetting, invoke } from "./invoke.ts";
import type { Runtime } from "./runtime.ts";

export interface OperationsSetting extends InvocationSetting {
  readonly runtimes: readonly Runtime[];
  /** The endpoint's, once it listens. */
  readonly address: () => string;
}

const Named = z.object({
  agentRuntimeArn: z.string(),
  accountId: z.string().optional(),
  qualifier: z.string().default("DEFAULT"),
});

const path = "/runtimes/{agentRuntimeArn}/invocations";

export function runtimeOperations(setting: OperationsSetting): Operation[] {
  const { sessions, address } = setting;
  const enter = async (input: z.output<typeof Named>, request: Request): Promise<Runtime> => {
    const runtime = find(setting.runtimes, input);
    const metadataUrl = runtime.metadataUrlAt(address(), input.qualifier);
    await runtime.authorizer?.check(headerOf(request, "authorization"), metadataUrl);
    return runtime;
  };
  return [
    operation({
      name: "InvokeAgentRuntime",
      method: "POST",
      path,
      body: "raw",
      input: Named,
      run: async (input, signal, request) => {
        const runtime = await enter(input, request);
        return invoke(setting, { runtime, qualifier: input.qualifier, request, signal });
      },
    }),
    ...(["GET", "DELETE"] as const).map((method) =>
      operation({ name: "InvokeAgentRuntime", method, path, body: "raw", input: Named, run: onlyPost }),
    ),
    operation({
      name: "GetProtectedResourceMetadata",
      method: "GET",
      path: `${path}/.well-known/oauth-protected-resource`,
      input: Named,
      run: (input) => {
        const runtime = find(setting.runtimes, input);
        const server = runtime.authorizer?.authorizationServer;
        if (server === undefined) throw notFound(`The runtime ${runtime.name} wants no token.`);
        return {
          body: { resource: runtime.urlAt(address(), input.qualifier), authorization_servers: [server] },
        };
      },
    }),
    operation({
      name: "StopRuntimeSession",
      method: "POST",
      path: "/runtimes/{agentRuntimeArn}/stopruntimesession",
      input: Named,
      run: async (input, _signal, request) => {
        const runtime = await enter(input, request);
        const name = "x-amzn-bedrock-agentcore-runtime-session-id";
        const id = headerOf(request, name);
        if (id === undefined)
          throw validationError(
            "Value at 'runtimeSessionId' failed to satisfy constraint: Member must not be null",
          );
        const session = sessions.find(runtime, input.qualifier, id);
        if (session === undefined) throw notFound("There is no such session.");
        await session.end("stopped");
        return { body: { statusCode: 200 }, headers: { [name]: id } };
      },
    }),
  ];
}

function find(runtimes: readonly Runtime[], input: z.output<typeof Named>): Runtime {
  const { agentRuntimeArn, accountId, qualifier } = input;
  if (!agentRuntimeArn.startsWith("arn:") && accountId === undefined)
    throw validationError("accountId is wanted beside the id of an agent runtime.");
  const found = runtimes.find((runtime) => runtime.isNamedBy(agentRuntimeArn, accountId));
  if (found === undefined)
    throw notFound(`No endpoint or agent found with qualifier '${qualifier}' for this ARN.`);
  if (qualifier !== "DEFAULT" && !found.definition.qualifiers.includes(qualifier))
    throw notFound(`No endpoint or agent found with qualifier '${qualifier}' for this ARN.`);
  return found;
}

function onlyPost(): never {
  throw new ServiceError("MethodNotAllowedException", "A runtime is invoked by POST.", {}, { allow: "POST" });
}

/**
 * `fetch` with an AWS signature, for MCP clients of a Runtime or a Gateway that IAM guards. The AWS SDK's own client
 * knows region, credentials and how to sign; here it only signs.
 */
import { BedrockAgentCoreClient } from "@aws-sdk/client-bedrock-agentcore";

const { config } = new BedrockAgentCoreClient();

export async function signedFetch(input: string | URL, init: RequestInit = {}): Promise<Response> {
  const url = new URL(input);
  const region = await config.region();
  const signer = await config.signer({
    name: "sigv4",
    signingName: "bedrock-agentcore",
    signingRegion: region,
    properties: {},
  });
  const { headers } = await signer.sign({
    method: init.method ?? "GET",
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: { ...Object.fromEntries(new Headers(init.headers)), host: url.host },
    body: init.body,
  });
  const { host: _, ...signed } = headers;
  return fetch(url, { ...init, headers: signed });
}

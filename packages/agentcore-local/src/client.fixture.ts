/** The AWS SDK's own client, with nothing but its endpoint changed; a call is tried once. */
import { BedrockAgentCoreClient } from "@aws-sdk/client-bedrock-agentcore";

export function clientOf({ url }: { readonly url: string }): BedrockAgentCoreClient {
  const credentials = { accessKeyId: "any", secretAccessKey: "any" };
  return new BedrockAgentCoreClient({ endpoint: url, region: "us-west-2", credentials, maxAttempts: 1 });
}

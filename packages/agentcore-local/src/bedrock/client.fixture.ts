/** The AWS SDK's own client of Bedrock Runtime, with nothing but its endpoint changed; a call is tried once. */
import { BedrockRuntimeClient, type BedrockRuntimeClientConfig } from "@aws-sdk/client-bedrock-runtime";

export function bedrockOf(
  { url }: { readonly url: string },
  config: BedrockRuntimeClientConfig = {},
): BedrockRuntimeClient {
  const credentials = { accessKeyId: "any", secretAccessKey: "any" };
  return new BedrockRuntimeClient({
    endpoint: url,
    region: "us-west-2",
    credentials,
    maxAttempts: 1,
    ...config,
  });
}

/** An invocation by the AWS SDK: what the program hears, and what comes back. */
import { existsSync } from "node:fs";
import { InvokeAgentRuntimeCommand } from "@aws-sdk/client-bedrock-agentcore";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Bench, type Heard, sessionId } from "./runtime.fixture.ts";

const minuteMs = 60_000;
const custom = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Tenant";
let bench: Bench;

beforeAll(async () => {
  bench = await Bench.start({ requestHeaderAllowlist: [custom, "X-Api-Key"], qualifiers: ["prod"] });
});

afterAll(() => bench[Symbol.asyncDispose]());

/** With headers that the SDK has no member for. */
async function post(headers: Record<string, string>, body = "{}"): Promise<Response> {
  const url = bench.local.runtime("agent").url;
  return fetch(url, { method: "POST", body, headers: { "content-type": "application/json", ...headers } });
}

test("ids and trace reach the program, and come back", async () => {
  const { response, ...told } = await bench.client.send(
    new InvokeAgentRuntimeCommand({
      agentRuntimeArn: bench.arn,
      qualifier: "prod",
      runtimeSessionId: sessionId(1),
      runtimeUserId: "ann",
      traceId: "Root=1-5759e988-bd862e3fe1be46a994272793",
      contentType: "application/json",
      accept: "application/json",
      payload: Buffer.from("{}"),
    }),
  );
  expect(told).toMatchObject({
    runtimeSessionId: sessionId(1),
    contentType: "application/json",
    statusCode: 200,
  });
  const heard = JSON.parse((await response?.transformToString()) ?? "") as Heard;
  expect(heard.path).toBe("/invocations");
  expect(heard.headers).toMatchObject({
    "x-amzn-bedrock-agentcore-runtime-session-id": sessionId(1),
    "x-amzn-bedrock-agentcore-runtime-user-id": "ann",
    "x-amzn-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793",
    accept: "application/json",
  });
});

test("of other headers the program hears those that are listed, and never the signature", async () => {
  const heard = await post({
    "x-amzn-bedrock-agentcore-runtime-session-id": sessionId(1),
    [custom]: "acme",
    "x-api-key": "k",
    "x-other": "o",
    authorization: "AWS4-HMAC-SHA256 Credential=any",
    cookie: "c=1",
  });
  const { headers } = (await heard.json()) as Heard;
  expect(headers).toMatchObject({ [custom.toLowerCase()]: "acme", "x-api-key": "k" });
  for (const name of ["x-other", "authorization", "cookie"]) expect(headers).not.toHaveProperty(name);
});

test("a listed header above 4 KB is refused", async () => {
  const refused = await post({ "x-api-key": "k".repeat(4097) });
  expect([refused.status, refused.headers.get("x-amzn-errortype")]).toEqual([400, "ValidationException"]);
});

test.each([32, 257])("a session id of %i characters is refused", async (length) => {
  await expect(bench.send({}, "s".repeat(length))).rejects.toMatchObject({ name: "ValidationException" });
});

test("without a session id the platform makes one", async () => {
  const response = await post({});
  const made = response.headers.get("x-amzn-bedrock-agentcore-runtime-session-id");
  expect(made?.length).toBeGreaterThanOrEqual(33);
  const { pid } = (await response.json()) as Heard;
  expect(await bench.invoke({}, made ?? "")).toMatchObject({ pid, invocations: 2 });
});

test.each([
  [
    "another ARN",
    { agentRuntimeArn: "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/b-0123456789" },
  ],
  ["another account", { agentRuntimeArn: "agent-0123456789", accountId: "111111111111" }],
  ["another qualifier", { qualifier: "staging" }],
])("%s is not found", async (_name, wrong) => {
  const input = { agentRuntimeArn: bench.arn, payload: Buffer.from("{}"), ...wrong };
  await expect(bench.client.send(new InvokeAgentRuntimeCommand(input))).rejects.toMatchObject({
    name: "ResourceNotFoundException",
  });
});

test("an agent id with its account is as good as the ARN", async () => {
  const input = {
    agentRuntimeArn: "agent-0123456789",
    accountId: "000000000000",
    runtimeSessionId: sessionId(1),
  };
  const sent = new InvokeAgentRuntimeCommand({ ...input, payload: Buffer.from("{}") });
  expect(await bench.client.send(sent)).toMatchObject({ statusCode: 200 });
});

test("an error of the program is a RuntimeClientError, which does not tell what it said", async () => {
  await expect(bench.send({ status: 500 }, sessionId(1))).rejects.toMatchObject({
    name: "RuntimeClientError",
    message: "Received error (500) from runtime. Please check your CloudWatch logs for more information.",
    $metadata: { httpStatusCode: 424 },
  });
});

test("a payload of any type goes through as it is, up to 100 MB", async () => {
  const payload = Buffer.alloc(20 * 1024 * 1024, 7);
  const runtimeSessionId = sessionId(1);
  const sent = new InvokeAgentRuntimeCommand({ agentRuntimeArn: bench.arn, runtimeSessionId, payload });
  const { response } = await bench.client.send(sent);
  const heard = JSON.parse((await response?.transformToString()) ?? "") as Heard;
  expect(heard).toMatchObject({
    bytes: payload.length,
    headers: { "content-type": "application/octet-stream" },
  });
});

test("a larger payload is refused, said before or found out on the way", async () => {
  await using small = await Bench.start({}, { limits: { payloadBytes: 1000 } });
  const { url } = small.local.runtime("agent");
  const whole = await fetch(url, { method: "POST", body: "x".repeat(1001) });
  const inChunks = new ReadableStream({
    start(controller) {
      for (let n = 0; n < 11; n++) controller.enqueue(Buffer.alloc(100));
      controller.close();
    },
  });
  const chunked = await fetch(url, { method: "POST", body: inChunks, duplex: "half" });
  expect([whole.status, chunked.status]).toEqual([413, 413]);
});

test("a stream of events comes event by event, and ends with the one who listens", async () => {
  const gone = new AbortController();
  const { response, contentType } = await bench.send({ stream: 3 }, sessionId(2), gone.signal);
  expect(contentType).toBe("text/event-stream");
  let text = "";
  for await (const chunk of response as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    if (text.includes("data: 2")) break;
  }
  expect(text).toBe("data: 0\n\ndata: 1\n\ndata: 2\n\n");
});

test("an invocation is cut after 15 minutes, a stream after 60; the session stays", async () => {
  await using own = await Bench.start();
  const { pid, cwd } = await own.invoke({}, sessionId(1));
  const waits = own.send({ wait: true, write: "begun" }, sessionId(1)).catch((error: unknown) => error);
  await vi.waitFor(() => expect(existsSync(`${cwd}/begun`)).toBe(true), 5_000);
  const { response } = await own.send({ stream: 1 }, sessionId(1));
  const streams = response?.transformToString().catch((error: unknown) => error);
  own.clock.advance(15 * minuteMs);
  expect(await waits).toMatchObject({ $metadata: { httpStatusCode: 504 } });
  expect(await own.invoke({}, sessionId(1))).toMatchObject({ pid });
  own.clock.advance(45 * minuteMs);
  expect(await streams).toBeInstanceOf(Error);
  expect(await own.invoke({}, sessionId(1))).toMatchObject({ pid });
});

test("when a caller goes, its request to the program ends; the session stays", async () => {
  const { pid, cwd } = await bench.invoke({}, sessionId(5));
  const gone = new AbortController();
  const waits = bench.send({ wait: true, write: "begun" }, sessionId(5), gone.signal).catch(() => undefined);
  await vi.waitFor(() => expect(existsSync(`${cwd}/begun`)).toBe(true), 5_000);
  gone.abort();
  await waits;
  await vi.waitFor(() => expect(existsSync(`${cwd}/gone`)).toBe(true), 5_000);
  expect(await bench.invoke({}, sessionId(5))).toMatchObject({ pid });
});

test("a planted fault strikes an invocation too", async () => {
  bench.local.faults.next({ operation: "InvokeAgentRuntime", error: "ThrottledException" });
  await expect(bench.send({}, sessionId(1))).rejects.toThrow("A planted fault");
  bench.local.faults.next({ operation: "InvokeAgentRuntime", acceptThenFail: "InternalServerException" });
  const { invocations } = await bench.invoke({}, sessionId(4)).catch(() => ({ invocations: 0 }));
  expect(invocations).toBe(0);
  expect(await bench.invoke({}, sessionId(4))).toMatchObject({ invocations: 2 });
});

test.each([
  ["x-amz-date", "a header that cannot be passed on"],
  ["X-Amzn-Trace-Id", "a header that cannot be passed on"],
  ["Authorization", "only with customJWTAuthorizer"],
])("a runtime cannot list %s", async (name, said) => {
  await expect(Bench.start({ requestHeaderAllowlist: [name] })).rejects.toThrow(said);
});

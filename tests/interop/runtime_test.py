"""AgentCore Runtime, by boto3 with nothing changed but its endpoint."""

import json
import os
import unittest

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ARN = os.environ["AGENT_RUNTIME_ARN"]
SESSION = "a-session-of-python-that-is-long-enough"


class Runtime(unittest.TestCase):
    def setUp(self):
        config = Config(retries={"total_max_attempts": 1})
        self.client = boto3.client("bedrock-agentcore", config=config)

    def invoke(self, payload, **more):
        return self.client.invoke_agent_runtime(
            agentRuntimeArn=ARN,
            contentType="application/json",
            payload=json.dumps(payload).encode(),
            **more,
        )

    def heard(self, payload, **more):
        return json.loads(self.invoke(payload, **more)["response"].read())

    def refused(self, code, status, call):
        with self.assertRaises(ClientError) as caught:
            call()
        answer = caught.exception.response
        self.assertEqual(answer["Error"]["Code"], code)
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], status)

    def test_a_session_is_one_process_until_it_is_stopped(self):
        first = self.heard({}, runtimeSessionId=SESSION)
        again = self.heard({}, runtimeSessionId=SESSION, qualifier="DEFAULT")
        self.assertEqual((again["pid"], again["invocations"]), (first["pid"], 2))
        stopped = self.client.stop_runtime_session(agentRuntimeArn=ARN, runtimeSessionId=SESSION)
        self.assertEqual((stopped["runtimeSessionId"], stopped["statusCode"]), (SESSION, 200))
        self.assertFalse(os.path.exists(first["cwd"]))
        self.assertEqual(self.heard({}, runtimeSessionId=SESSION)["invocations"], 1)

    def test_an_answer_streams(self):
        answer = self.invoke({"stream": 2}, runtimeSessionId=SESSION)
        self.assertEqual(answer["contentType"], "text/event-stream")
        # One byte at a time, or botocore waits for more than there is.
        lines = answer["response"].iter_lines(chunk_size=1)
        found = [next(lines) for _ in range(3)]
        self.assertEqual(found, [b"data: 0", b"", b"data: 1"])
        answer["response"].close()

    def test_refusals(self):
        self.refused("RuntimeClientError", 424, lambda: self.invoke({"status": 500}, runtimeSessionId=SESSION))
        unknown = ARN.replace("agent-0", "other-0")
        self.refused(
            "ResourceNotFoundException",
            404,
            lambda: self.client.invoke_agent_runtime(agentRuntimeArn=unknown, payload=b"{}"),
        )
        self.refused(
            "ResourceNotFoundException",
            404,
            lambda: self.client.stop_runtime_session(agentRuntimeArn=ARN, runtimeSessionId="x" * 33),
        )


if __name__ == "__main__":
    unittest.main()

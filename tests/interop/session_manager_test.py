"""What Strands' own session manager makes of what was delivered: every row of what can be written into its session."""

import json
import os
import subprocess
import unittest
from datetime import datetime, timezone
from pathlib import Path

import boto3
from bedrock_agentcore.memory.integrations.strands.config import AgentCoreMemoryConfig
from bedrock_agentcore.memory.integrations.strands.session_manager import AgentCoreMemorySessionManager
from strands import Agent, tool
from strands.models import Model

MEMORY = "training-0123456789"
ACTOR = "ada"


class Scripted(Model):
    """Says what it is told, in order, and keeps what it was given."""

    def __init__(self, *script):
        self.script = list(script)
        self.given = []

    def update_config(self, **config):
        pass

    def get_config(self):
        return {}

    async def structured_output(self, output_model, prompt, system_prompt=None, **kwargs):
        raise NotImplementedError
        yield

    async def stream(self, messages, tool_specs=None, system_prompt=None, **kwargs):
        self.given.append(json.loads(json.dumps(messages)))
        said = self.script.pop(0)
        yield {"messageStart": {"role": "assistant"}}
        if isinstance(said, dict):
            yield {"contentBlockStart": {"start": {"toolUse": {"toolUseId": said["id"], "name": said["name"]}}}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": "{}"}}}}
        else:
            yield {"contentBlockStart": {"start": {}}}
            yield {"contentBlockDelta": {"delta": {"text": said}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "tool_use" if isinstance(said, dict) else "end_turn"}}


def agent(session, *script, tools=()):
    config = AgentCoreMemoryConfig(memory_id=MEMORY, session_id=session, actor_id=ACTOR)
    manager = AgentCoreMemorySessionManager(config, region_name="us-west-2")
    return Agent(
        model=Scripted(*script), session_manager=manager, tools=list(tools), callback_handler=None, agent_id="default"
    )


def deliver(session, number=1, length=0, patience="15m"):
    program = Path(__file__).with_name("deliver.ts")
    arguments = [os.environ["NODE"], str(program), session, str(number), str(length), patience]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout.strip()


def write(session, payload):
    boto3.client("bedrock-agentcore").create_event(
        memoryId=MEMORY,
        actorId=ACTOR,
        sessionId=session,
        eventTimestamp=datetime.now(timezone.utc),
        payload=[payload],
    )


def roles(messages):
    return [message["role"] for message in messages]


def text(message):
    return "\n".join(block.get("text", next(iter(block))) for block in message["content"])


class Delivered(unittest.TestCase):
    maxDiff = None

    def alternates(self, messages):
        self.assertEqual(roles(messages), ["user", "assistant"] * (len(messages) // 2) + ["user"] * (len(messages) % 2))

    def test_the_envelope_is_restored_and_the_agent_goes_on(self):
        agent("envelope", "it has begun")("train it")
        self.assertEqual(deliver("envelope"), "delivered")
        back = agent("envelope", "it is done")
        self.assertEqual(roles(back.messages), ["user", "assistant", "user", "assistant"])
        self.assertIn("\n| result 1\n</tool_output>", text(back.messages[2]))
        self.assertIn('task_id="task-1"', text(back.messages[2]))
        back("and?")
        # What a strict provider is given: roles that alternate.
        self.alternates(back.model.given[0])
        self.assertEqual(len(back.model.given[0]), 5)
        self.alternates(agent("envelope").messages)

    def test_the_pair_in_a_blob_is_restored(self):
        agent("pair", "it has begun")("train it")
        self.assertEqual(deliver("pair", length=150_000), "delivered")
        back = agent("pair")
        self.alternates(back.messages)
        self.assertIn("result 1" + "x" * 150_000, text(back.messages[2]))

    def test_several_in_a_row_keep_their_order_and_are_there_once(self):
        agent("several", "it has begun")("train it")
        for number in (1, 2, 2, 1, 3):
            self.assertEqual(deliver("several", number), "delivered")
        back = agent("several")
        self.alternates(back.messages)
        self.assertEqual([text(m).split("| ")[2].split("\n")[0] for m in back.messages[2::2]],
                         ["result 1", "result 2", "result 3"])

    def test_what_others_write_and_we_never_do(self):
        for name, payload, left in (
            ("json", {"json": {"content": {"epoch": 3}}}, 4),
            ("text", {"conversational": {"role": "USER", "content": {"text": "plain"}}}, 0),
            ("object", {"blob": {"message": {"role": "user", "content": [{"text": "x"}]}}}, 0),
        ):
            with self.subTest(name):
                agent(name, "it has begun")("train it")
                self.assertEqual(deliver(name), "delivered")
                self.assertEqual(len(agent(name).messages), 4)
                write(name, payload)
                self.assertEqual(len(agent(name).messages), left)

    def test_before_the_markers_it_waits_and_is_seen_by_the_next_agent(self):
        self.assertEqual(deliver("early"), "conflict")
        agent("early", "it has begun")("train it")
        self.assertEqual(deliver("early"), "delivered")
        self.assertEqual(len(agent("early").messages), 4)
        # What the wait is for.
        self.assertEqual(deliver("too-early", patience="0ms"), "delivered")
        self.assertEqual(agent("too-early").messages, [])
        self.assertEqual(len(agent("too-early").messages), 2)

    def test_between_a_tool_use_and_its_result_it_waits(self):
        for name, patience in (("whole", "15m"), ("torn", "0ms")):
            with self.subTest(name):
                tried = []

                @tool
                def train() -> str:
                    """Trains."""
                    tried.append(deliver(name, patience=patience))
                    return "begun"

                asked = agent(name, {"id": "t-1", "name": "train"}, "it has begun", tools=[train])
                asked("train it")
                if name == "torn":
                    # What the wait is for. It lies behind the toolUse.
                    self.assertEqual(tried, ["delivered"])
                    self.assertIn("interrupted", json.dumps(agent(name).messages))
                    continue
                self.assertEqual(tried, ["conflict"])
                self.assertEqual(deliver(name), "delivered")
                back = agent(name)
                self.alternates(back.messages)
                self.assertEqual(len(back.messages), 6)
                self.assertNotIn("interrupted", json.dumps(back.messages))
                self.assertEqual(json.dumps(back.messages).count('"toolUseId": "t-1"'), 2)

    def test_only_what_is_restored_is_written(self):
        agent("shapes", "it has begun")("train it")
        deliver("shapes", 1)
        deliver("shapes", 2, length=150_000)
        events = boto3.client("bedrock-agentcore").list_events(memoryId=MEMORY, actorId=ACTOR, sessionId="shapes")
        ours = [event for event in events["events"] if "perdureDelivery" in event.get("metadata", {})]
        shapes = [[next(iter(item)) for item in event["payload"]] for event in ours]
        self.assertEqual(shapes, [["blob", "conversational"], ["conversational", "conversational"]])
        self.assertIsInstance(ours[0]["payload"][0]["blob"], str)
        times = [event["eventTimestamp"] for event in events["events"]]
        self.assertEqual(times, sorted(set(times), reverse=True))


if __name__ == "__main__":
    unittest.main()

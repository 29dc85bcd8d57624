"""Strands in Python and in TypeScript on one session of AgentCore Memory, each with its own session manager."""

import json
import os
import subprocess
import unittest
from datetime import datetime, timedelta, timezone

import boto3
from bedrock_agentcore.memory.integrations.strands.config import AgentCoreMemoryConfig
from bedrock_agentcore.memory.integrations.strands.session_manager import AgentCoreMemorySessionManager
from strands import Agent
from strands.models import Model

MEMORY = "training-0123456789"
ACTOR = "ann"
UTC = timezone.utc


class Scripted(Model):
    def __init__(self, *lines):
        self.lines = list(lines)
        self.asked = []

    def update_config(self, **_):
        pass

    def get_config(self):
        return {}

    async def structured_output(self, *_, **__):
        yield {}

    async def stream(self, messages, *_, **__):
        self.asked.append(json.loads(json.dumps(messages, default=repr)))
        line = self.lines.pop(0) if self.lines else "Nothing more."
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockDelta": {"delta": {"text": line}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}


class Session:
    def __init__(self, name):
        self.name = name
        self.client = boto3.client("bedrock-agentcore")

    def python(self, *lines):
        config = AgentCoreMemoryConfig(memory_id=MEMORY, session_id=self.name, actor_id=ACTOR)
        manager = AgentCoreMemorySessionManager(config, region_name="us-west-2")
        return Agent(model=Scripted(*lines), session_manager=manager, callback_handler=None, agent_id="agent")

    def typescript(self, *script, **options):
        """Runs a TypeScript agent: its history at the end, in Converse's form, and its state."""
        given = {"memoryId": MEMORY, "actorId": ACTOR, "sessionId": self.name, "script": script, **options}
        ran = subprocess.run(
            ["node", "strands-agent.ts"],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=60,
            # JavaScript's SDK has another name for it.
            env={**os.environ, "AWS_REGION": os.environ["AWS_DEFAULT_REGION"]},
        )
        if ran.returncode != 0:
            raise AssertionError(ran.stderr)
        return json.loads(ran.stdout)

    def write(self, payload, when=None):
        return self.client.create_event(
            memoryId=MEMORY,
            actorId=ACTOR,
            sessionId=self.name,
            eventTimestamp=when or datetime.now(UTC),
            payload=payload,
        )


def envelope(role, *content):
    now = datetime.now(UTC).isoformat()
    return json.dumps(
        {
            "message": {"role": role, "content": list(content)},
            "message_id": 0,
            "redact_message": None,
            "created_at": now,
            "updated_at": now,
        }
    )


def conversational(role, *content):
    return {"conversational": {"role": role.upper(), "content": {"text": envelope(role, *content)}}}


def texts(messages):
    return [
        f"{message['role']}: " + " | ".join(block.get("text", "+".join(block)) for block in message["content"])
        for message in messages
    ]


class Strands(unittest.TestCase):
    maxDiff = None

    def test_1_python_writes_typescript_goes_on(self):
        session = Session("python-first")
        agent = session.python("Hello Ann.")
        agent.state.set("colour", "green")
        agent("I am Ann.")
        found = session.typescript({"ask": "Who am I?", "say": ["You are Ann."]})
        self.assertEqual(
            texts(found["messages"]),
            ["user: I am Ann.", "assistant: Hello Ann.", "user: Who am I?", "assistant: You are Ann."],
        )
        self.assertEqual(found["state"], {"colour": "green"})
        self.assertEqual(found["logged"], [])

    def test_2_typescript_writes_python_goes_on(self):
        session = Session("typescript-first")
        session.typescript(
            {"ask": "Add.", "say": [{"call": "add", "input": {"a": 1}}, "It is 2."]}, state={"colour": "blue"}
        )
        agent = session.python("Indeed.")
        self.assertEqual(
            texts(agent.messages),
            ["user: Add.", "assistant: toolUse", "user: toolResult", "assistant: It is 2."],
        )
        self.assertEqual(agent.state.get("colour"), "blue")
        agent("Really?")
        found = session.typescript()
        self.assertEqual(texts(found["messages"])[-2:], ["user: Really?", "assistant: Indeed."])

    def test_3_every_kind_of_block(self):
        session = Session("blocks")
        content = [
            {"text": "see"},
            {"image": {"format": "png", "source": {"bytes": {"__bytes_encoded__": True, "data": "AP8H"}}}},
        ]
        said = [
            {
                "reasoningContent": {
                    "reasoningText": {"text": "hm", "signature": None},
                }
            },
            {
                "citationsContent": {
                    "citations": [
                        {
                            "location": {"documentChar": {"documentIndex": 0, "start": 1, "end": 2}},
                            "sourceContent": [{"text": "source"}],
                            "title": "t",
                        }
                    ],
                    "content": [{"text": "cited"}],
                }
            },
            {"text": "seen"},
        ]
        session.write([conversational("user", *content)])
        session.write([conversational("assistant", *said)])
        found = session.typescript()
        kinds = [[next(iter(block)) for block in message["content"]] for message in found["messages"]]
        self.assertEqual(kinds, [["text", "image"], ["reasoningContent", "citationsContent", "text"]])
        self.assertEqual(found["logged"], [])
        # And written by TypeScript, read by Python.
        other = Session("blocks-back")
        other.typescript(messages=found["messages"])
        # The first of Python finds what was there before an agent of Python was.
        other.python()
        agent = other.python()
        self.assertEqual(agent.messages[0]["content"][1]["image"]["source"]["bytes"], b"\x00\xff\x07")
        self.assertEqual(agent.messages[1]["content"][0]["reasoningContent"]["reasoningText"]["text"], "hm")
        self.assertEqual(agent.messages[1]["content"][1], said[1] | {
            "citationsContent": {
                **said[1]["citationsContent"],
                "citations": [{**said[1]["citationsContent"]["citations"][0], "source": ""}],
            }
        })

    def test_4_large_messages_are_pairs(self):
        session = Session("large")
        large = "x" * 120_000
        session.typescript({"ask": large, "say": ["Long."]})
        agent = session.python("Yes.")
        self.assertEqual([len(block["text"]) for block in agent.messages[0]["content"]], [120_000])
        agent("y" * 120_000)
        found = session.typescript()
        self.assertEqual([len(m["content"][0]["text"]) for m in found["messages"]], [120_000, 5, 120_000, 4])

    def rows(self, name, payload):
        """A session of Python's, into which another program writes; what TypeScript restores."""
        session = Session(name)
        session.python("Hello.")("Hi.")
        session.write(payload)
        found = session.typescript()
        return session, texts(found["messages"]), found["logged"]

    def test_5_what_other_programs_write(self):
        led = ["user: Hi.", "assistant: Hello."]
        result = {"text": "[task] done"}
        brought = [*led, "user: [task] done"]
        session, found, logged = self.rows("envelope", [conversational("user", result)])
        self.assertEqual((found, logged), (brought, []))
        self.assertEqual(texts(session.python().messages), brought)

        pair = {"blob": json.dumps([envelope("user", result), "user"])}
        session, found, logged = self.rows("pair", [pair])
        self.assertEqual((found, logged), (brought, []))
        self.assertEqual(texts(session.python().messages), brought)

        plain = {"conversational": {"role": "USER", "content": {"text": "done"}}}
        session, found, logged = self.rows("plain", [plain])
        self.assertEqual((found, len(logged)), (led, 1))
        self.assertEqual(session.python().messages, [], "Python loses all of it: ours does not")

        session, found, logged = self.rows("object", [{"blob": {"message": "done"}}])
        self.assertEqual((found, len(logged)), (led, 1))
        self.assertEqual(session.python().messages, [], "Python loses all of it: ours does not")

        session, found, logged = self.rows("json", [{"json": {"content": {"epoch": 3}}}])
        self.assertEqual((found, logged), (led, []))
        self.assertEqual(texts(session.python().messages), led)

    def test_6_before_any_agent(self):
        session = Session("before")
        session.write([conversational("user", {"text": "[task] done"})])
        self.assertEqual(texts(session.typescript()["messages"]), ["user: [task] done"])
        self.assertEqual(texts(session.python().messages), ["user: [task] done"], "TypeScript left the markers")
        alone = Session("before-python")
        alone.write([conversational("user", {"text": "[task] done"})])
        self.assertEqual(alone.python().messages, [])
        self.assertEqual(texts(alone.python().messages), ["user: [task] done"])

    def test_7_between_a_call_and_its_result(self):
        session = Session("between")
        when = datetime.now(UTC) - timedelta(seconds=9)
        use = {"toolUse": {"toolUseId": "1", "name": "add", "input": {}}}
        result = {"toolResult": {"toolUseId": "1", "status": "success", "content": [{"text": "2"}]}}
        for place, item in enumerate(
            [
                conversational("user", {"text": "Go."}),
                conversational("assistant", use),
                conversational("user", {"text": "[task] done"}),
                conversational("user", result),
                conversational("assistant", {"text": "Two."}),
            ]
        ):
            session.write([item], when + timedelta(seconds=place))
        found = session.typescript({"ask": "And?", "say": ["So."]})
        self.assertEqual(
            texts(found["messages"]),
            [
                "user: Go.",
                "assistant: toolUse",
                "user: toolResult | [task] done",
                "assistant: Two.",
                "user: And?",
                "assistant: So.",
            ],
        )

    def test_8_two_of_the_user_in_a_row(self):
        session = Session("in-a-row")
        session.python("Hello.")("Hi.")
        session.write([conversational("user", {"text": "[a] done"})])
        session.write([conversational("user", {"text": "[b] done"})])
        found = session.typescript({"ask": "Well?", "say": ["Both."]})
        self.assertEqual(
            texts(found["messages"])[-2:], ["user: [a] done | [b] done | Well?", "assistant: Both."]
        )
        self.assertEqual(
            texts(session.python().messages)[-4:],
            ["user: [a] done", "user: [b] done", "user: Well?", "assistant: Both."],
        )


if __name__ == "__main__":
    unittest.main()

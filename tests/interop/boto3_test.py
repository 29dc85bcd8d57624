"""Every memory operation of botocore's model, by boto3 with nothing changed but its endpoint."""

import unittest
from datetime import datetime, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

MEMORY = "training-0123456789"
SESSION = {"memoryId": MEMORY, "actorId": "user/ada:1", "sessionId": "session-1"}
UTC = timezone.utc
WHEN = datetime(2026, 3, 1, 10, 0, 0, 123000, UTC)

called = set()


def client():
    one = boto3.client("bedrock-agentcore", config=Config(retries={"total_max_attempts": 1}))
    one.meta.events.register(
        "before-call.bedrock-agentcore.*", lambda model, **_: called.add(model.name)
    )
    return one


class Memory(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.client = client()

    def refused(self, code, status, call, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        answer = caught.exception.response
        self.assertEqual(answer["Error"]["Code"], code)
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], status)
        return answer

    def test_1_events(self):
        payload = [
            {"conversational": {"role": "USER", "content": {"text": "hello \U0001f680"}}},
            {"blob": '["a string", "USER"]'},
            {"blob": {"deep": [1, None]}},
            {"json": {"content": {"epoch": 3}}},
        ]
        event = self.client.create_event(
            **SESSION,
            eventTimestamp=WHEN,
            payload=payload,
            metadata={"taskId": {"stringValue": "t 1/2"}},
        )["event"]
        self.assertEqual(event["payload"], payload)
        # Older botocore cuts the fraction off: what counts is that it comes back as it was sent.
        self.assertEqual(event["eventTimestamp"].replace(microsecond=0), WHEN.replace(microsecond=0))
        key = {**SESSION, "eventId": event["eventId"]}
        self.assertEqual(self.client.get_event(**key)["event"], event)
        self.assertEqual(self.client.list_events(**SESSION)["events"], [event])
        found = self.client.list_events(
            **SESSION,
            includePayloads=False,
            filter={
                "branch": {"name": "main", "includeParentBranches": True},
                "eventMetadata": [
                    {
                        "left": {"metadataKey": "taskId"},
                        "operator": "EQUALS_TO",
                        "right": {"metadataValue": {"stringValue": "t 1/2"}},
                    }
                ],
            },
        )["events"]
        self.assertEqual([one["eventId"] for one in found], [event["eventId"]])
        self.assertNotIn("payload", found[0])

        sessions = self.client.list_sessions(memoryId=MEMORY, actorId="user/ada:1")
        self.assertEqual([one["sessionId"] for one in sessions["sessionSummaries"]], ["session-1"])
        actors = self.client.list_actors(memoryId=MEMORY)
        self.assertEqual(actors["actorSummaries"], [{"actorId": "user/ada:1"}])

        self.assertEqual(self.client.delete_event(**key)["eventId"], event["eventId"])
        self.refused("ResourceNotFoundException", 404, self.client.get_event, **key)

    def test_2_pages(self):
        session = {**SESSION, "sessionId": "pages"}
        for second in range(45):
            self.client.create_event(
                **session,
                eventTimestamp=datetime.fromtimestamp(second, UTC),
                payload=[{"blob": second}],
            )
        pages = self.client.get_paginator("list_events").paginate(
            **session, PaginationConfig={"PageSize": 22}
        )
        found = [[event["payload"][0]["blob"] for event in page["events"]] for page in pages]
        self.assertEqual([len(page) for page in found], [22, 22, 1])
        self.assertEqual(sum(found, []), list(reversed(range(45))))

    def test_3_records(self):
        created = self.client.batch_create_memory_records(
            memoryId=MEMORY,
            records=[
                {
                    "requestIdentifier": name,
                    "namespaces": ["/facts/ann"],
                    "content": {"text": text},
                    "timestamp": WHEN,
                    "metadata": {"n": {"numberValue": 3}, "at": {"dateTimeValue": WHEN}},
                }
                for name, text in (("a", "Ann likes tea"), ("b", "Ann likes coffee"))
            ],
            recordExpirySpecification={"recordExpiryDurationDays": 31},
        )
        first, second = (one["memoryRecordId"] for one in created["successfulRecords"])
        updated = self.client.batch_update_memory_records(
            memoryId=MEMORY,
            records=[
                {"memoryRecordId": first, "timestamp": WHEN, "content": {"text": "Ann likes green tea"}},
                {"memoryRecordId": "mem-" + "0" * 36, "timestamp": WHEN},
            ],
            recordExpirySpecification={"action": "REMOVE"},
        )
        self.assertEqual([one["status"] for one in updated["successfulRecords"]], ["SUCCEEDED"])
        self.assertEqual([one["errorCode"] for one in updated["failedRecords"]], [404])
        record = self.client.get_memory_record(memoryId=MEMORY, memoryRecordId=first)["memoryRecord"]
        self.assertEqual(record["content"], {"text": "Ann likes green tea"})
        self.assertNotIn("expiresAt", record)
        other = self.client.get_memory_record(memoryId=MEMORY, memoryRecordId=second)["memoryRecord"]
        self.assertEqual((other["expiresAt"] - other["createdAt"]).days, 31)

        listed = self.client.list_memory_records(memoryId=MEMORY, namespace="/facts/ann")
        self.assertEqual([one["memoryRecordId"] for one in listed["memoryRecordSummaries"]], [second, first])
        search = {
            "memoryId": MEMORY,
            "namespacePath": "/facts/",
            "searchCriteria": {
                "searchQuery": "green tea",
                "metadataFilters": [
                    {
                        "left": {"metadataKey": "n"},
                        "operator": "GREATER_THAN",
                        "right": {"metadataValue": {"numberValue": 2}},
                    }
                ],
            },
        }
        hits = self.client.retrieve_memory_records(**search)["memoryRecordSummaries"]
        self.assertEqual([(one["memoryRecordId"], one["score"]) for one in hits], [(first, 1)])

        self.client.delete_memory_record(memoryId=MEMORY, memoryRecordId=first)
        deleted = self.client.batch_delete_memory_records(
            memoryId=MEMORY, records=[{"memoryRecordId": first}, {"memoryRecordId": second}]
        )
        self.assertEqual([one["memoryRecordId"] for one in deleted["successfulRecords"]], [second])
        self.assertEqual([one["memoryRecordId"] for one in deleted["failedRecords"]], [first])

    def test_4_extraction(self):
        answer = self.client.ingest_data(
            memoryId=MEMORY,
            actorId="ann",
            contentTimestamp=WHEN,
            source={"inline": {"payload": [{"json": {"content": {"a": 1}}}]}},
        )
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 202)
        self.assertEqual(self.client.list_memory_extraction_jobs(memoryId=MEMORY)["jobs"], [])
        self.refused(
            "ResourceNotFoundException",
            404,
            self.client.start_memory_extraction_job,
            memoryId=MEMORY,
            extractionJob={"jobId": "job"},
        )

    def test_5_refusals(self):
        answer = self.refused(
            "ValidationException",
            400,
            self.client.list_events,
            **{**SESSION, "sessionId": "session@@@memory@@@actor"},
        )
        self.assertEqual(answer["reason"], "FieldValidationFailed")
        self.assertEqual([one["name"] for one in answer["fieldList"]], ["sessionId"])

    def test_9_nothing_was_left_out(self):
        model = client().meta.service_model
        of_memory = {
            name
            for name in model.operation_names
            if model.operation_model(name).http["requestUri"].startswith("/memories/")
        }
        self.assertEqual(of_memory, called)


if __name__ == "__main__":
    unittest.main()

"""A scripted Claude as a judge, by single requests and in batches, and runs whose findings it decides."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fixtures.rules.judged import tool
from fixtures.rules.story import Story, one_by_one
from tracekit.demo.claude import ReceivedRequest, Respond, ScriptedResponse, message, text

MODEL = "claude-haiku-5-5"
USAGE = {"input_tokens": 1000, "output_tokens": 100}
"""What each response uses: at $0.10 and $0.50 a million tokens, that is $0.00015."""
PRICE = 0.00015
BATCH = "msgbatch_01judge"

WEATHER = Story(
    "weather, rate and news",
    "Look up the weather in Rome, the exchange rate of the euro and the news on trains.",
    one_by_one(
        tool("get_weather", "Sunny, 21 degrees.\nNo wind.", city="Rome"),
        tool("get_rate", "1.09 dollars", currency="euro"),
        tool("get_news", "A strike on Monday.", topic="trains"),
    ),
)
NOTES = Story(
    "notes and a folder",
    "Read notes/plan.md and list the folder src/shop.",
    one_by_one(
        tool("read_file", "Plan: ship on Friday, after the review.", path="notes/plan.md"),
        tool("list_folder", "cart.py orders.py", path="src/shop"),
    ),
)


def says(verdict: str, reason: str = "", quote: str = "", **more: Any) -> ScriptedResponse:
    """The response of a judge."""
    return message(
        text(json.dumps({"reason": reason, "verdict": verdict, "quote": quote})), model=MODEL, usage=USAGE, **more
    )


INDEPENDENT = says("independent", "All three subjects stand in the task.")


def prompt(asked: ReceivedRequest) -> str:
    """The text that the judge was given."""
    content = asked.json()["messages"][0]["content"]
    assert isinstance(content, str)
    return content


def batches(answer: Callable[[dict[str, Any]], ScriptedResponse], *, waits: int = 0) -> Respond:
    """Serve the Batch API: a batch ends after it was asked for `waits` times, and `answer` responds to its requests."""
    requests: list[dict[str, Any]] = []
    looks: list[None] = []

    def respond(asked: ReceivedRequest) -> ScriptedResponse:
        if asked.method == "POST":
            requests.extend(asked.json()["requests"])
            return _batch(asked, "in_progress")
        if asked.path.endswith("/results"):
            lines = [
                json.dumps({"custom_id": request["custom_id"], "result": _result(answer(request["params"]))})
                for request in requests
            ]
            return ScriptedResponse(
                headers={"content-type": "application/x-jsonl"}, body="\n".join([*lines, ""]).encode()
            )
        looks.append(None)
        return _batch(asked, "ended" if len(looks) > waits else "in_progress")

    return respond


def _result(answer: ScriptedResponse) -> dict[str, Any]:
    body = json.loads(answer.body)
    return {"type": "errored", "error": body} if answer.status >= 400 else {"type": "succeeded", "message": body}


def _batch(asked: ReceivedRequest, status: str) -> ScriptedResponse:
    url = f"http://{asked.headers['host']}/v1/messages/batches/{BATCH}/results"
    body = {
        "id": BATCH,
        "type": "message_batch",
        "processing_status": status,
        "request_counts": {"processing": 0, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0},
        "created_at": "2026-11-28T09:00:00Z",
        "expires_at": "2026-11-29T09:00:00Z",
        "ended_at": None,
        "cancel_initiated_at": None,
        "archived_at": None,
        "results_url": url if status == "ended" else None,
    }
    return ScriptedResponse(body=json.dumps(body).encode())

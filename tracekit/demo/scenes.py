"""Scenes: what the demo's scripts decide on, and how an answer is made of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tracekit.demo.answers import Block, ReceivedRequest, ScriptedResponse, error, message, reply


@dataclass(frozen=True, slots=True)
class Scene:
    """One answer of a script.

    Attributes:
        blocks: The content of the message.
        delay_s: Seconds until the answer begins.
        overloads: How often the API is overloaded before it answers.
    """

    blocks: tuple[Block, ...]
    delay_s: float
    overloads: int = 0


def play(asked: ReceivedRequest, scene: Scene | None) -> ScriptedResponse:
    """Answer a request with a scene, or say that the script has none for it."""
    if scene is None:
        return error(400, "invalid_request_error", "The demo's script has no answer to this request.")
    retry = int(asked.headers.get("x-stainless-retry-count", "0"))
    if retry < scene.overloads:
        wait_ms = 300 * (retry + 1)
        return error(529, "overloaded_error", "Overloaded", {"retry-after-ms": str(wait_ms)})
    body = asked.json()
    answer = message(*scene.blocks, model=body["model"], usage=_usage(body), delay_s=scene.delay_s)
    return reply(asked, answer, gap_s=0.006)


def turn_of(body: Mapping[str, Any]) -> int:
    """Return how many answers the conversation has had so far."""
    return sum(each["role"] == "assistant" for each in body["messages"])


def results_of(body: Mapping[str, Any]) -> list[str]:
    """Return the texts of the tool results that the newest message brings."""
    content = body["messages"][-1]["content"]
    return [str(block["content"]) for block in content if block["type"] == "tool_result"]


def _usage(body: Mapping[str, Any]) -> dict[str, int]:
    """Estimate usage at four characters a token; with a cache marker, all but the newest messages are read from cache."""
    prompt = _tokens([body.get("tools"), body.get("system"), body["messages"]])
    if "cache_control" not in body:
        return {"input_tokens": prompt}
    newest = _tokens(body["messages"][-2:])
    read = prompt - newest if len(body["messages"]) > 1 else 0
    # The last few tokens lie behind the cache's last breakpoint.
    return {"input_tokens": 4, "cache_creation_input_tokens": prompt - read - 4, "cache_read_input_tokens": read}


def _tokens(value: object) -> int:
    return len(json.dumps(value)) // 4

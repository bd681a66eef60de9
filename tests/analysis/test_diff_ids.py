"""Runs that did the same differ in the ids that the API gave them, and in nothing that `diff` tells."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import pytest

import tracekit
from tests.support.recording import recordings
from tracekit.analysis.diff import compare
from tracekit.analysis.structure import structure
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, message, text, tool_use
from tracekit.replayer.calibrate import calibrate

ASKED: Any = {"model": "claude-sonnet-5-5", "max_tokens": 99}
GO: Any = [{"role": "user", "content": "go"}]


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    """Request a tool if one is offered, then report its result; each id is new."""
    new = uuid.uuid4().hex
    if "/files" in asked.path:
        made = {"id": f"file_{new}", "type": "file", "filename": "a.txt", "mime_type": "text/plain", "size_bytes": 3,
                "created_at": "2026-11-27T00:00:00Z", "downloadable": False}  # fmt: skip
        return ScriptedResponse(body=json.dumps(made).encode())
    body = asked.json()
    brings_result = any(
        block["type"] == "tool_result" for block in body["messages"][-1]["content"] if isinstance(block, dict)
    )
    if body.get("tools") and not brings_result:
        return message(tool_use("look", {"id": body["messages"][0]["content"]}, id=f"toolu_{new}"), id=f"msg_{new}")
    return message(text("done"), id=f"msg_{new}")


@anthropic.beta_tool
def look(id: str) -> str:
    """Look."""
    return f"found {id}"


def runner(client: anthropic.Anthropic, word: str) -> None:
    client.beta.messages.tool_runner(**ASKED, tools=[look], messages=[{"role": "user", "content": word}]).until_done()


def diagnostics(client: anthropic.Anthropic, word: str) -> None:
    first = client.messages.create(**ASKED, messages=GO)
    again = [*GO, {"role": "assistant", "content": "done"}, {"role": "user", "content": word}]
    client.messages.create(**ASKED, messages=again, extra_body={"diagnostics": {"previous_message_id": first.id}})


def files(client: anthropic.Anthropic, word: str) -> None:
    made = client.beta.files.upload(file=("a.txt", b"abc", "text/plain"))
    document = {"type": "document", "source": {"type": "file", "file_id": made.id}}
    content: Any = [document, {"type": "text", "text": f"{word}: what does {made.id} say?"}]
    client.beta.messages.create(**ASKED, messages=[{"role": "user", "content": content}])


def by_hand(client: anthropic.Anthropic, word: str) -> None:
    messages: Any = [{"role": "user", "content": word}]
    tools: Any = [{"name": "look", "input_schema": {"type": "object"}}]
    first = client.messages.create(**ASKED, tools=tools, messages=messages)
    result = {"type": "tool_result", "tool_use_id": first.content[0].id, "content": "found"}
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    client.messages.create(**ASKED, tools=tools, messages=messages)


@pytest.mark.parametrize("program", [runner, diagnostics, files, by_hand])
def test_ids_are_no_difference_and_words_are(
    program: Callable[[anthropic.Anthropic, str], None], recording: Path
) -> None:
    with ScriptedClaude(respond) as claude, anthropic.Anthropic(base_url=claude.url, api_key="key") as client:
        for word in ("order-10423", "order-10423", "order-99999"):
            with tracekit.run("it"):
                program(client, word)
    first, second, other = recordings()
    assert [change for change in compare(structure(first), structure(second)).changes if change.counts] == []
    told = calibrate(first, second)
    assert (told.proposals, told.unexplained, told.alike) == ((), (), told.pairs)
    # An id that the program or the model wrote is content.
    changed = [change for change in compare(structure(first), structure(other)).changes if change.counts]
    assert any("order-99999" in str(change.after) for change in changed)

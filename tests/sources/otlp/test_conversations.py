"""Conversations of calls whose messages stand in attributes alone: shown like those of exchanges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tracekit_viewer.render.call_messages import Reader

from tests.sources.otlp.test_dialects import MODEL, agent, chat
from tests.sources.transcripts import nodes
from tests.support.foreign import run_of, span
from tracekit.analysis.new_messages import messages_of
from tracekit.collect.transcript import transcript_of
from tracekit.share.page_calls import calls_data

SYSTEM = [{"type": "text", "content": "You are a scout."}]
ASK = {"role": "user", "parts": [{"type": "text", "content": "Find the marmalade."}]}
USE = {"role": "assistant", "parts": [{"type": "tool_call", "id": "t1", "name": "look", "arguments": {"at": "shelf"}}]}
RESULT = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "a jar"}]}
DONE = {"role": "assistant", "parts": [{"type": "text", "content": "It is on the shelf."}]}


def said(input: list[Any], output: list[Any]) -> dict[str, Any]:
    return {
        "gen_ai.system_instructions": json.dumps(SYSTEM),
        "gen_ai.input.messages": json.dumps(input),
        "gen_ai.output.messages": json.dumps(output),
    }


def test_each_message_once_wherever_messages_are_read(home: Path, tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        span(1, 0, "invoke_agent scout", 0, 9, agent("scout")),
        span(2, 1, "chat", 1, 2, chat(10, 1, **said([ASK], [USE]))),
        span(3, 1, "chat", 3, 4, chat(20, 2, **said([ASK, USE, RESULT], [DONE]))),
    )
    rows = [(row.call[-1], row.is_answer, row.role, row.block, row.tool, row.text) for row in messages_of(run)]
    assert rows == [
        ("2", False, "system", "text", None, "You are a scout."),
        ("2", False, "user", "text", None, "Find the marmalade."),
        ("2", True, "assistant", "tool_use", "look", '{"at": "shelf"}'),
        ("3", False, "user", "tool_result", None, "a jar"),
        ("3", True, "assistant", "text", None, "It is on the shelf."),
    ]
    places = {node.id: number for number, node in enumerate(run.root.walk())}
    assert [len(each["sent"]) + len(each["received"]) for each in calls_data(run, places).values()] == [3, 2]
    entries = [(entry.call.id[-1], entry.tool) for entry in transcript_of(run)]
    assert entries == [("2", None), ("2", None), ("2", "look"), ("3", "look"), ("3", None)]


def test_the_viewers_reader_reads_them(home: Path, tmp_path: Path) -> None:
    run = run_of(tmp_path, span(1, 0, "chat", 1, 2, chat(10, 1, **said([ASK, USE, RESULT], [DONE]))))
    contents = Reader().of_call(run, nodes(run, "llm")[0])
    assert contents is not None
    assert contents.request.get("model") == MODEL
    assert (len(contents.messages), contents.message["content"][0]["text"]) == (3, "It is on the shelf.")

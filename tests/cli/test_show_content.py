"""Content in `tracekit show`: the conversation of a run, and single spans."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import click
import pytest
from rich.cells import cell_len

from tests.support.crowd import command
from tests.support.reading import everything
from tracekit.analysis.batches import parents_of
from tracekit.cli.render.transcript import print_transcript
from tracekit.cli.spans import find_span
from tracekit.collect.look import find, read_entry
from tracekit.collect.transcript import transcript_of
from tracekit.errors import RunNotFoundError

RUN = str(Path(__file__).parents[2] / "fixtures/runs/refactoring.jsonl")


def shown(*arguments: str) -> str:
    code, out, err = command(["show", RUN, *arguments])
    assert code == 0, err
    return out


def test_the_conversation_of_a_run_has_each_message_once_in_the_order_of_time(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text, entries = shown("--messages"), json.loads(shown("--messages", "--format", "json"))
    assert max(map(cell_len, text.splitlines())) <= 80
    assert not re.search(r"[ ]+$", text, re.MULTILINE)
    agents = Counter(entry["agent"] for entry in entries)
    assert set(agents) == {"lead", "analysis_agent", "refactor_agent", "test_agent"}
    times = [entry["at_ns"] for entry in entries]
    assert times == sorted(times)
    tasks = [entry for entry in entries if entry["role"] == "user" and "Refactor the shop" in (entry["text"] or "")]
    assert len(tasks) == 1
    # The result of a tool call bears the name of the tool, as its request does.
    tools = [(entry["block"], entry["tool"]) for entry in entries if entry["tool_call_id"]]
    assert Counter(tool for block, tool in tools if block == "tool_use") == Counter(
        tool for block, tool in tools if block == "tool_result"
    )
    assert text.count("result of analysis_agent") == 3
    assert "analysis_agent · shop/cart.py · +" in text


def test_the_conversation_by_agent_keeps_each_agent_together(home: Path) -> None:
    entries = json.loads(shown("--messages", "--by", "agent", "--format", "json"))
    ids = [entry["agent_id"] for entry in entries]
    assert len(set(ids)) == 7
    assert len([id for id, before in zip(ids, [None, *ids], strict=False) if id != before]) == 7
    assert ids[0] == entries[-1]["agent_id"] or entries[0]["agent"] == "lead"


def test_a_span_is_shown_with_its_facts_attributes_and_messages(home: Path) -> None:
    text = shown("test_agent")
    assert text.startswith("agent invoke_agent test_agent\n")
    assert "within" in text
    assert "refactoring > lead" in text
    assert "gen_ai.agent.name" in text
    assert "test_agent ·" in text
    assert "analysis_agent ·" not in text
    found = json.loads(shown("test_agent", "--format", "json"))
    assert found["span"]["agent"] == "test_agent"
    assert {entry["agent"] for entry in found["messages"]} == {"test_agent"}
    id = found["span"]["id"]
    assert json.loads(shown(id, "--format", "json")) == found
    assert json.loads(shown(id, "--messages", "--format", "json")) == found["messages"]


def test_a_name_of_several_spans_lists_them_and_an_unknown_one_what_there_is(home: Path) -> None:
    run = read_entry(find(RUN))
    parents = parents_of([*run.root.walk()])
    with pytest.raises(RunNotFoundError, match=r"(?s)means 3 spans:.*shop/cart.py.*shop/mail.py.*Give the id"):
        find_span(run, "analysis_agent", parents)
    with pytest.raises(RunNotFoundError, match="has no span nobody: it has analysis_agent, lead"):
        find_span(run, "nobody", parents)
    with pytest.raises(click.UsageError, match="remove SPAN"):
        command(["show", RUN, "lead", "--critical"])


def test_content_reaches_no_terminal_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    run = everything()
    entries = [*transcript_of(run)]
    assert {"thinking", "tool_use", "tool_result", "image"} <= {entry.row.block for entry in entries}
    assert print_transcript(entries, run.root.start_ns, parents_of([*run.root.walk()])) == len(entries)
    text = capsys.readouterr().out
    assert "result of read_file" in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)

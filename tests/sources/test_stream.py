"""Stream-json of Claude Code, from a file and from a pipe."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.sources.transcripts import (
    BEGIN,
    MODEL,
    SESSION,
    Transcript,
    imported,
    nodes,
    runs,
    said,
    shape,
    the_run,
    uses,
)
from tracekit import semconv
from tracekit.errors import SourceError
from tracekit.sources.importing import import_sessions
from tracekit.sources.piping import import_pipe

_PLACEHOLDER = {
    "input_tokens": 10,
    "output_tokens": 1,
    "cache_read_input_tokens": 100,
    "cache_creation_input_tokens": 5,
}


def _line(number: int, type: str, **more: Any) -> dict[str, Any]:
    time = BEGIN.replace(second=number).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"type": type, "session_id": SESSION, "uuid": f"u{number}", "timestamp": time, **more}


def _reply(number: int, message: str, block: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    body = {
        "id": message,
        "role": "assistant",
        "model": MODEL,
        "content": [block],
        "stop_reason": None,
        "usage": _PLACEHOLDER,
    }
    return _line(number, "assistant", message=body, parent_tool_use_id=None, **more)


def _result(number: int, tool: str, **more: Any) -> dict[str, Any]:
    content = [{"type": "tool_result", "tool_use_id": tool, "content": "ok"}]
    return _line(number, "user", message={"role": "user", "content": content}, **{"parent_tool_use_id": None, **more})


def _costs(number: int, usd: float, tokens: int) -> dict[str, Any]:
    usage = {
        MODEL: {"inputTokens": 40, "outputTokens": tokens, "cacheReadInputTokens": 400, "cacheCreationInputTokens": 20}
    }
    # The usage is that of one prompt's main loop, and the cost is cumulative.
    return _line(number, "result", total_cost_usd=usd, modelUsage=usage, usage={"input_tokens": 20})


def _stream() -> list[dict[str, Any]]:
    started = {"task_id": "aaaa", "tool_use_id": "toolu_1", "subagent_type": "finder", "task_type": "local_agent"}
    of_agent = {"parent_tool_use_id": "toolu_1", "agent_id": "aaaa"}
    return [
        _line(0, "system", subtype="init", claude_code_version="2.1.332"),
        _reply(1, "msg_1", said("I ask.")),
        _reply(2, "msg_1", uses("Agent", "toolu_1", prompt="Find it", subagent_type="finder")),
        _line(3, "system", subtype="task_started", **started),
        {**_reply(4, "msg_2", uses("Bash", "toolu_2", command="find .")), **of_agent},
        _result(5, "toolu_2", **of_agent),
        _result(6, "toolu_1"),
        _reply(7, "msg_3", said("Found.")),
        _costs(8, 0.0045, 200),
        _reply(9, "msg_4", said("And more.")),
        _costs(10, 0.0052, 270),
    ]


def _text(records: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def test_a_stream_without_a_transcript_has_the_tree_but_not_the_tokens(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "stream.jsonl"
    path.write_bytes(_text(_stream()))
    run = the_run(path)
    assert shape(run.root) == ["main", ["Agent", ["finder", ["Bash"]]]]
    calls = nodes(run, "llm")
    assert [call.tokens.input for call in calls] == [115] * 4
    assert all(semconv.OUTPUT_TOKENS not in call.attributes for call in calls)
    assert not run.root.cost_complete
    assert run.root.tokens.is_partial
    assert run.root.attributes[semconv.RECORDED_COST_USD] == 0.0052
    assert run.root.attributes[semconv.RECORDED_TOKENS] == {
        "input": 460,
        "output": 270,
        "cache_read": 400,
        "cache_write": 20,
    }


def test_a_stream_gives_way_to_its_transcript(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "stream.jsonl"
    path.write_bytes(_text(_stream()))
    of_stream = the_run(path)
    main = Transcript(tmp_path / "projects" / "-work" / f"{SESSION}.jsonl")
    main.prompt(0, "Find it")
    main.reply(1, "msg_1", said("Found."))
    run = the_run(main.path)
    assert run.id == of_stream.id
    assert run.root.cost_complete
    assert imported(path).unchanged == 1
    assert the_run(path).root == run.root


def test_a_pipe_is_imported_while_it_flows(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "config"))
    reading, writing = os.pipe()
    thread = threading.Thread(target=import_pipe, args=(reading,))
    thread.start()
    records = _stream()
    os.write(writing, _text(records[:3]))
    wait = threading.Event()
    while not (found := runs()):
        wait.wait(0.05)
    assert [tool.status for tool in nodes(found[0], "tool")] == ["open"]
    os.write(writing, _text(records[3:]))
    os.close(writing)
    thread.join()
    os.close(reading)
    (run,) = runs()
    assert shape(run.root) == ["main", ["Agent", ["finder", ["Bash"]]]]
    assert run.status == "ok"


def test_a_pipe_ends_as_the_transcript_says(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "config"))
    main = Transcript(tmp_path / "config" / "projects" / "-work" / f"{SESSION}.jsonl")
    main.prompt(0, "Find it")
    main.reply(1, "msg_1", said("Found."))
    reading, writing = os.pipe()
    os.write(writing, _text(_stream()))
    os.close(writing)
    import_pipe(reading)
    os.close(reading)
    (run,) = runs()
    assert (run.name, run.root.cost_complete) == ("Find it", True)


def test_a_pipe_without_a_stream_is_told(home: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"hello\n")
    os.close(writing)
    with pytest.raises(SourceError, match="held no stream-json"):
        import_pipe(reading)
    os.close(reading)


def test_nothing_to_import_is_no_error(home: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    from tracekit.sources.claude_code.find import ClaudeCode

    assert import_sessions(ClaudeCode(), [tmp_path / "empty"]).sessions == 0

"""Transcripts of Claude Code with invented words, line by line as the versions write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tracekit.analysis.structure import structure
from tracekit.journal.catalog import all_runs
from tracekit.journal.reader import read_run
from tracekit.model.tree import Node, Run, Tokens
from tracekit.sources.importing import Imported, import_sessions, source_of

SESSION = "5e551011-0000-4000-8000-000000000001"
BEGIN = datetime(2026, 11, 27, 10, tzinfo=UTC)
USAGE = {"input_tokens": 10, "output_tokens": 90, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 5}
CALL = Tokens(115, 90, 100, 5)
"""The tokens of a call with `USAGE`: input counts what was read from and written to the cache."""
MODEL = "claude-opus-4-8"


class Transcript:
    """A file of lines, each the child of the one before unless told otherwise. Times are seconds after `BEGIN`."""

    def __init__(self, path: Path, *, session: str = SESSION, version: str = "2.1.332", **common: Any) -> None:
        self.path = path
        self.common = {"sessionId": session, "version": version, **common}
        self.newest: str | None = None
        self._count = 0
        path.parent.mkdir(parents=True, exist_ok=True)

    def add(self, at_s: float, record: Mapping[str, Any], **more: Any) -> str:
        """Append a line, and return its uuid. A `parentUuid` in `more` replaces the line before as its parent."""
        self._count += 1
        uuid = f"{self.path.stem}-{self._count}"
        time = (BEGIN + timedelta(seconds=at_s)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {**self.common, "uuid": uuid, "parentUuid": self.newest, "timestamp": time, **record, **more}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.newest = line["uuid"]
        return uuid

    def prompt(self, at_s: float, text: str, **more: Any) -> str:
        """Append a prompt of the user."""
        return self.add(at_s, {"type": "user", "message": {"role": "user", "content": text}}, **more)

    def reply(
        self,
        at_s: float,
        message: str,
        block: Mapping[str, Any],
        usage: Mapping[str, Any] = USAGE,
        stop: str | None = "end_turn",
        **more: Any,
    ) -> str:
        """Append one block of a model's response."""
        body = {
            "id": message,
            "type": "message",
            "role": "assistant",
            "model": MODEL,
            "content": [block],
            "stop_reason": stop,
            "usage": usage,
        }
        return self.add(at_s, {"type": "assistant", "requestId": f"req_{message}", "message": body}, **more)

    def result(self, at_s: float, tool: str, content: Any = "ok", *, detail: Any = None, **more: Any) -> str:
        """Append the result of a tool call; `detail` is its `toolUseResult`."""
        is_error = bool(more.pop("is_error", False))
        block = {"type": "tool_result", "tool_use_id": tool, "content": content, "is_error": is_error}
        warnings = {} if detail is None else {"toolUseResult": detail}
        return self.add(at_s, {"type": "user", "message": {"role": "user", "content": [block]}, **warnings}, **more)

    def request(self, at_s: float, id: str, **more: Any) -> None:
        """Append an attempt, which has no part in the chain of lines."""
        newest = self.newest
        params = {"model": MODEL, "max_tokens": 64000}
        self.add(at_s, {"type": "api-request", "id": id, "querySource": "sdk", "params": params, "uuid": id}, **more)
        self.newest = newest

    def subagent(self, id: str, meta: Mapping[str, Any] | None = None, **common: Any) -> Transcript:
        """Return the transcript of a subagent, in the session's folder, with its metadata file if `meta` is given."""
        path = self.path.with_suffix("") / "subagents" / f"agent-{id}.jsonl"
        agent = Transcript(path, **{**self.common, "agentId": id, "isSidechain": True, **common})
        agent.common["sessionId"] = self.common["sessionId"]
        if meta is not None:
            path.with_suffix("").with_suffix(".meta.json").write_text(json.dumps(meta), encoding="utf-8")
        return agent


def said(text: str) -> dict[str, Any]:
    """Return a text block."""
    return {"type": "text", "text": text}


def uses(name: str, id: str, /, **input: Any) -> dict[str, Any]:
    """Return a block that asks for a tool."""
    return {"type": "tool_use", "id": id, "name": name, "input": input}


def imported(*paths: Path) -> Imported:
    """Import what is at `paths`."""
    return import_sessions(source_of(paths[0]), paths)


def runs() -> list[Run]:
    """Return the runs in the folder for journals, the newest first. None of them is damaged."""
    found = [structure(read_run(entry.paths)) for entry in all_runs()]
    assert [segment.damage for run in found for segment in run.recording.segments if segment.damage] == []
    return found


def the_run(*paths: Path) -> Run:
    """Import what is at `paths`, and return the one run."""
    assert imported(*paths).warnings == []
    (run,) = runs()
    return run


def nodes(run: Run, kind: str) -> list[Node]:
    """Return the nodes of one kind, parents before children."""
    return [node for node in run.root.walk() if node.kind == kind]


def seconds(ns: int | None) -> float | None:
    """Return a time as seconds after `BEGIN`, None for an end that is not there."""
    return None if ns is None else round(ns / 1e9 - BEGIN.timestamp(), 3)


def shape(node: Node) -> list[Any]:
    """Return the agents, turns and tools below `node` as nested lists, each with what is below it."""
    own = {"agent": node.agent, "tool": node.attributes.get("gen_ai.tool.name")}.get(node.kind)
    below = [each for child in node.children for each in shape(child)]
    return below if own is None else [own, below] if below else [own]

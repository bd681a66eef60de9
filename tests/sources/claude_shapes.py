"""Sessions in the shapes of the versions of Claude Code, and the sums over their messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.sources.transcripts import SESSION, USAGE, Transcript, said, uses

__all__ = ["SHAPES", "Shape", "Sums", "sums_in", "write_session"]

FORK = SESSION[:-1] + "f"
_LONG = "It is a long answer, of which nobody believes that it took one token. " * 4


@dataclass(frozen=True)
class Shape:
    """The differences between the transcripts of one version and those of others."""

    version: str
    agents: Literal["inline", "flat", "folder"]
    starter: str = "Task"
    has_placeholders: bool = False
    repeats_in_progress: bool = False
    has_requests: bool = False
    meta: tuple[str, ...] = ()

    @property
    def has_results_between(self) -> bool:
        """Return whether results stand between the lines of one message."""
        return self.agents != "inline"


SHAPES = (
    Shape("1.0.24", "inline", has_placeholders=True),
    Shape("1.0.56", "inline"),
    Shape("1.0.128", "inline", has_placeholders=True),
    Shape("2.0.5", "inline", has_placeholders=True),
    Shape("2.0.28", "flat"),
    Shape("2.0.46", "flat"),
    Shape("2.1.2", "folder"),
    Shape("2.1.17", "folder", has_placeholders=True, repeats_in_progress=True),
    Shape("2.1.42", "folder", has_placeholders=True, repeats_in_progress=True),
    Shape("2.1.114", "folder", "Agent", meta=("agentType", "description")),
    Shape("2.1.132", "folder", "Agent", meta=("agentType", "description")),
    Shape("2.1.332", "folder", "Agent", has_requests=True, meta=("agentType", "description", "toolUseId", "finished")),
)


class _Writer:
    """Writes the messages of one transcript, each with a usage of its own."""

    count = 0

    def __init__(self, shape: Shape, file: Transcript, **common: Any) -> None:
        self._shape, self._file, self._common = shape, file, common

    def message(self, at_s: float, *blocks: Mapping[str, Any], is_retried: bool = False) -> None:
        """Write the lines of a message, with the results of its tools between them where the version does so."""
        _Writer.count += 1
        number = _Writer.count
        is_placeholder = self._shape.has_placeholders and number % 2 == 0
        id = f"msg_placeholder_{number}" if is_placeholder else f"msg_{number}"
        more = dict(self._common)
        if self._shape.has_requests:
            for attempt in range(1 + is_retried):
                self._file.request(at_s - 0.5 + attempt / 10, f"r{number}-{attempt}", **self._common)
            more["requestRef"] = f"r{number}-{int(is_retried)}"
        if is_placeholder:
            blocks = (said(_LONG), *blocks)
        for at, block in enumerate(blocks):
            output = 1 if is_placeholder else 40 + number if at == len(blocks) - 1 else 3
            usage = {**USAGE, "input_tokens": 10 + number, "output_tokens": output}
            self._file.reply(at_s + at / 100, id, block, usage, None, **more)
            if block["type"] == "tool_use" and block["name"] == "Bash" and self._shape.has_results_between:
                self._file.result(at_s + at / 100 + 0.005, block["id"], **self._common)
        for block in blocks:
            if block["type"] == "tool_use" and block["name"] == "Bash" and not self._shape.has_results_between:
                self._file.result(at_s + 0.2, block["id"], **self._common)


def write_session(folder: Path, shape: Shape) -> None:
    """Write a session with tools, subagents, an edited prompt, duplicated lines and a second file into `folder`."""
    _Writer.count = 0
    main = Transcript(folder / f"{SESSION}.jsonl", version=shape.version)
    lead = _Writer(shape, main)
    main.prompt(0, "Look at the shop")
    lead.message(1, said("I look."), *(uses("Bash", f"toolu_b{number}", command="ls") for number in range(3)))
    asked = [uses(shape.starter, f"toolu_{name}", prompt=f"Count {name}", subagent_type="counter") for name in "xy"]
    lead.message(2, *asked, is_retried=True)
    _write_agents(main, shape)
    for number, name in enumerate("xy"):
        detail = {"agentId": f"aaaa{name}", "status": "completed"} if shape.agents != "inline" else None
        main.result(8 + number, f"toolu_{name}", "Counted.", detail=detail)
    lead.message(10, said("Counted."))
    fork = main.newest
    main.prompt(11, "Now the cellar", parentUuid=fork)
    lead.message(12, said("The cellar is empty."))
    main.prompt(13, "Now the attic", parentUuid=fork)
    lead.message(14, said("The attic is full."))
    _repeat_lines(main, folder)
    if shape.has_requests:
        _write_fork(main, folder, shape)


def _write_agents(main: Transcript, shape: Shape) -> None:
    newest = main.newest
    for number, name in enumerate("xy"):
        more: dict[str, Any] = {"isSidechain": True}
        file = main
        if shape.agents == "flat":
            file = Transcript(
                main.path.parent / f"agent-aaaa{name}.jsonl", version=shape.version, agentId=f"aaaa{name}"
            )
        elif shape.agents == "folder":
            known = {"agentType": "counter", "toolUseId": f"toolu_{name}", "finished": True, "description": name}
            file = main.subagent(f"aaaa{name}", {key: known[key] for key in shape.meta} if shape.meta else None)
        file.newest = None
        file.prompt(2.5 + number / 10, f"Count {name}", **more)
        agent = _Writer(shape, file, **more)
        agent.message(4 + number / 10, uses("Bash", f"toolu_a{name}", command="wc"), is_retried=number == 1)
        agent.message(6 + number / 10, said("Counted."))
        if shape.repeats_in_progress:
            _repeat_in_progress(main, file, f"aaaa{name}", f"toolu_{name}")
    if shape.agents == "flat":
        warm = Transcript(main.path.parent / "agent-bbbb0001.jsonl", version=shape.version, agentId="bbbb0001")
        warm.prompt(0.1, "Warmup", isSidechain=True)
        _Writer(shape, warm, isSidechain=True).message(0.4, said("Ready."))
    main.newest = newest


def _repeat_in_progress(main: Transcript, file: Transcript, agent: str, tool: str) -> None:
    for number, line in enumerate(file.path.read_text(encoding="utf-8").splitlines()):
        data = {"type": "agent_progress", "agentId": agent, "message": json.loads(line)}
        main.add(6.5 + number / 100, {"type": "progress", "data": data, "parentToolUseID": tool})


def _repeat_lines(main: Transcript, folder: Path) -> None:
    """Write every third line twice, and the whole file again under another name, as a resumed session does."""
    lines = main.path.read_text(encoding="utf-8").splitlines(keepends=True)
    main.path.write_text("".join(line * (1 + (at % 3 == 0)) for at, line in enumerate(lines)), encoding="utf-8")
    (folder / f"{SESSION[:-1]}2.jsonl").write_text("".join(lines), encoding="utf-8")


def _write_fork(main: Transcript, folder: Path, shape: Shape) -> None:
    """Write a session that was forked from `main`: its lines again, under another session, and a prompt more."""
    fork = Transcript(folder / f"{FORK}.jsonl", session=FORK, version=shape.version)
    with fork.path.open("w", encoding="utf-8") as file:
        for line in main.path.read_text(encoding="utf-8").splitlines():
            record = {**json.loads(line), "sessionId": FORK}
            if record["type"] == "assistant":
                record["requestSessionId"] = SESSION
            if record["type"] != "api-request":
                file.write(json.dumps(record) + "\n")
    fork.newest = main.newest
    fork.prompt(100, "And the garden?")
    _Writer(shape, fork).message(102, said("It is green."))


@dataclass
class Sums:
    """The sums over the messages of one session."""

    calls: int = 0
    input: int = 0
    output: int = 0
    unknown: int = 0


def sums_in(folder: Path) -> dict[str, Sums]:
    """Return the sums by session: the last usage of each message that the session made, whichever files repeat it."""
    usages: dict[tuple[str, str], Mapping[str, int]] = {}
    for path in sorted(folder.rglob("*.jsonl")):
        for record in _records(path):
            if (
                record.get("type") == "assistant"
                and record.get("requestSessionId", record["sessionId"]) == record["sessionId"]
            ):
                message = record["message"]
                known = usages.get((record["sessionId"], message["id"]), {"output_tokens": 0})
                usages[record["sessionId"], message["id"]] = max(
                    known, message["usage"], key=lambda each: each["output_tokens"]
                )
    sums: dict[str, Sums] = {}
    for (session, message), usage in usages.items():
        found = sums.setdefault(session, Sums())
        found.calls += 1
        found.input += sum(usage[name] for name in USAGE if name != "output_tokens")
        found.unknown += "placeholder" in message
        found.output += 0 if "placeholder" in message else usage["output_tokens"]
    return sums


def _records(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        yield record["data"]["message"] if record["type"] == "progress" else record

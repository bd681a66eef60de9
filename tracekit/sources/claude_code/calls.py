"""Calls and tools of a session: the lines of one message are one call, its request lines are the attempts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tracekit.sources.claude_code.agents import COPIED, AgentLines
from tracekit.sources.claude_code.lines import (
    AssistantPart,
    BlockPart,
    FailurePart,
    RequestPart,
    SessionLine,
    UserPart,
)

__all__ = ["CallRecord", "Calls", "ToolRecord", "calls_of"]

_PLACEHOLDER_CHARACTERS = 60
_CHARACTERS_PER_TOKEN = 10
"""More characters than this for each recorded token of output cannot be: real texts have three or four."""


@dataclass(eq=False, slots=True)
class ToolRecord:
    """A tool call: its block and line, and the line of its result if there is one."""

    block: BlockPart
    line: SessionLine
    call: CallRecord
    result: SessionLine | None = None

    @property
    def outcome(self) -> UserPart | None:
        """The content of the result's line."""
        return self.result.content if self.result is not None and isinstance(self.result.content, UserPart) else None


@dataclass(eq=False, slots=True)
class CallRecord:
    """One call of the model.

    `parent` is the call whose conversation it continues, `said` the lines of the user that stand between the two.
    `requests` are the lines of its attempts and `failures` those of failed attempts, where the version wrote any.
    `closed_ns` is when an unanswered call was given up, None while nothing says so.
    """

    key: str
    agent: str
    lines: list[SessionLine] = field(default_factory=list)
    requests: list[SessionLine] = field(default_factory=list)
    failures: list[SessionLine] = field(default_factory=list)
    error: AssistantPart | None = None
    error_ns: int = 0
    parent: CallRecord | None = None
    said: list[SessionLine] = field(default_factory=list)
    prompt: SessionLine | None = None
    tools: list[ToolRecord] = field(default_factory=list)
    closed_ns: int | None = None
    better_usage: Mapping[str, Any] = field(default_factory=dict)
    is_orphan: bool = False

    @property
    def parts(self) -> Iterator[AssistantPart]:
        """The contents of its lines, in their order."""
        return (line.content for line in self.lines if isinstance(line.content, AssistantPart))

    @property
    def newest(self) -> AssistantPart | None:
        """The content of its last line, which has the final usage; None for a call without a response."""
        return next(reversed(list(self.parts)), None)

    @property
    def is_copied(self) -> bool:
        """Return whether the call is of another session, from which this one was forked."""
        return self.agent == COPIED

    @property
    def is_placeholder(self) -> bool:
        """Return whether the recorded count of output tokens is the one that stands there while an answer begins."""
        newest = self.newest
        output = None if newest is None else newest.usage.get("output_tokens")
        if newest is None or not isinstance(output, int):
            return False
        characters = sum(part.characters for part in self.parts)
        return characters > _PLACEHOLDER_CHARACTERS and output * _CHARACTERS_PER_TOKEN < characters

    @property
    def waited_ns(self) -> int | None:
        """The time of the last line that the call waited for, None if there is none."""
        before = [line.at_ns for line in self.said]
        if self.parent is not None:
            before += [tool.result.at_ns for tool in self.parent.tools if tool.result is not None]
            before += [line.at_ns for line in self.parent.lines[-1:]] if not before else []
        return max(before, default=None)

    @property
    def start_ns(self) -> int:
        """The begin: of its first request where that is recorded, else of what it waited for."""
        if self.requests:
            return self.requests[0].at_ns
        first = self.lines[0].at_ns if self.lines else self.error_ns
        waited = self.waited_ns
        return first if waited is None else min(first, waited)

    @property
    def end_ns(self) -> int | None:
        """The end: of its last block; None for a call that is open."""
        if self.lines:
            return max(self.start_ns, *(line.at_ns for line in self.lines))
        end = self.error_ns if self.error is not None else self.closed_ns
        return None if end is None else max(self.start_ns, end)


@dataclass(slots=True)
class Calls:
    """The calls of all agents, each after the call that it continues, and the tools by id."""

    calls: list[CallRecord] = field(default_factory=list)
    tools: dict[str, ToolRecord] = field(default_factory=dict)

    def own(self) -> Calls:
        """Return the calls and tools without those that the session took over from another."""
        calls = [call for call in self.calls if not call.is_copied]
        return Calls(calls, {id: tool for id, tool in self.tools.items() if not tool.call.is_copied})


def calls_of(agents: Mapping[str, AgentLines]) -> Calls:
    """Return the calls of a session. A message that stands in several files counts once."""
    found = Calls()
    owners: dict[tuple[str, str], CallRecord] = {}
    by_line: dict[str, CallRecord] = {}
    for agent in agents.values():
        _Scan(agent, owners, by_line).run()
    unique = {id(call): call for call in by_line.values()}
    lines = {line.uuid: line for agent in agents.values() for line in agent.lines}
    for call in unique.values():
        _chain(call, lines, by_line)
    found.calls = _in_order(list(unique.values()))
    _add_tools(found, agents)
    return found


class _Scan:
    """Goes through one agent's lines in the order of their times."""

    def __init__(
        self, agent: AgentLines, owners: dict[tuple[str, str], CallRecord], by_line: dict[str, CallRecord]
    ) -> None:
        self._agent = agent
        self._owners = owners
        self._by_line = by_line
        self._requests: list[SessionLine] = []
        self._failures: list[SessionLine] = []

    def run(self) -> None:
        """Note each call under the ids of its lines."""
        for line in self._agent.lines:
            match line.content:
                case RequestPart():
                    self._requests.append(line)
                case FailurePart():
                    self._failures.append(line)
                case AssistantPart() as part if not part.is_synthetic:
                    self._answer(line, part)
                case AssistantPart() as part if part.error:
                    self._fail(line, part)
                case UserPart():
                    # Nothing is said to a model that is still to answer: the request was given up.
                    self._give_up(line.at_ns)
        self._give_up(None)

    def _answer(self, line: SessionLine, part: AssistantPart) -> None:
        call = self._owners.get((part.message, part.request_id))
        if call is None:
            requests, failures = self._taken(part.request_ref)
            key = requests[0].uuid if requests else f"{part.message} {part.request_id}"
            call = CallRecord(key, self._agent.key, requests=requests, failures=failures)
            if part.message:
                self._owners[part.message, part.request_id] = call
        elif call.agent != self._agent.key or any(part.digest == known.digest for known in call.parts):
            self._by_line.setdefault(line.uuid, call)
            return
        call.lines.append(line)
        self._by_line[line.uuid] = call

    def _fail(self, line: SessionLine, part: AssistantPart) -> None:
        requests, failures = self._taken(part.request_ref)
        key = requests[0].uuid if requests else line.uuid
        call = CallRecord(key, self._agent.key, requests=requests, failures=failures, error=part, error_ns=line.at_ns)
        self._by_line[line.uuid] = call
        call.said = [line]

    def _taken(self, ref: str) -> tuple[list[SessionLine], list[SessionLine]]:
        """Return the requests up to the one that `ref` names, and the failures, and forget them."""
        at = next((n for n, line in enumerate(self._requests) if line.uuid == ref), len(self._requests) - 1)
        requests, self._requests = self._requests[: at + 1], self._requests[at + 1 :]
        failures, self._failures = self._failures, []
        return requests, failures

    def _give_up(self, at_ns: int | None) -> None:
        if not self._requests:
            return
        requests, failures = self._taken("")
        call = CallRecord(requests[0].uuid, self._agent.key, requests=requests, failures=failures, closed_ns=at_ns)
        before = [line for line in self._agent.lines if line.at_ns <= requests[0].at_ns and line not in requests]
        call.said = before[-1:]
        self._by_line[requests[0].uuid] = call


def _chain(call: CallRecord, lines: Mapping[str, SessionLine], by_line: Mapping[str, CallRecord]) -> None:
    """Find the call that `call` continues, and the user's lines between them, by the ids of parents."""
    start = call.lines[0] if call.lines else (call.said[0] if call.said else None)
    at = None if start is None else (lines.get(start.parent) if call.lines or call.error else start)
    call.is_orphan = start is not None and bool(start.parent) and at is None
    call.said = []
    seen: set[str] = set()
    while at is not None and at.uuid not in seen:
        seen.add(at.uuid)
        above = by_line.get(at.uuid)
        if above is not None and above is not call and above.lines:
            call.parent = above
            break
        if isinstance(at.content, UserPart):
            call.said.insert(0, at)
        at = lines.get(at.parent)


def _in_order(calls: list[CallRecord]) -> list[CallRecord]:
    """Return `calls` by their begins, each after the one that it continues; and give each its prompt."""
    ordered: list[CallRecord] = []
    done: set[int] = set()
    for call in sorted(calls, key=lambda call: call.start_ns):
        path: list[CallRecord] = []
        at: CallRecord | None = call
        while at is not None and id(at) not in done:
            done.add(id(at))
            path.append(at)
            at = at.parent
        ordered += reversed(path)
    for call in ordered:
        prompts = (
            line for line in reversed(call.said) if isinstance(line.content, UserPart) and line.content.is_prompt
        )
        above = None if call.parent is None or call.parent.is_copied else call.parent
        call.prompt = next(prompts, None if above is None else above.prompt)
    return ordered


def _add_tools(found: Calls, agents: Mapping[str, AgentLines]) -> None:
    """Give each call the tools that it asked for, with their results."""
    for call in found.calls:
        for line in call.lines:
            for block in line.content.blocks if isinstance(line.content, AssistantPart) else ():
                if block.type == "tool_use" and block.id not in found.tools:
                    tool = found.tools[block.id] = ToolRecord(block, line, call)
                    call.tools.append(tool)
    for agent in agents.values():
        for line in agent.lines:
            if isinstance(line.content, UserPart) and line.content.result in found.tools:
                tool = found.tools[line.content.result]
                tool.result = tool.result or line

"""Lines of Claude Code's transcripts, each as the small part of it that the tree depends on.

Anthropic calls the format internal, so a reader tolerates types and fields that it does not know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from tracekit.sources.claude_code.line_types import IGNORED_TYPES
from tracekit.sources.claude_code.texts import blocks_of, digest_of, text_of
from tracekit.sources.records import LinePlace

__all__ = [
    "AssistantPart",
    "BlockPart",
    "CompactionPart",
    "FailurePart",
    "LineContent",
    "RequestPart",
    "SessionLine",
    "SessionNotes",
    "UserPart",
    "read_costs",
    "read_line",
]

SYNTHETIC = "<synthetic>"
_LATEST_NS = 1 << 61
"""The year 2043: a later time is no time of a session."""
_LONGEST_WAIT_MS = 86_400_000
_NO_PROMPT = (
    "<command-name>",
    "<command-message>",
    "<local-command-",
    "<bash-",
    "<user-prompt-submit-hook>",
    "Caveat: ",
)
"""Beginnings of user lines that a local command or a hook wrote."""
_TEAMMATE = re.compile(r"\s*<teammate-message[^>]*>(.*)</teammate-message>\s*\Z", re.DOTALL)
"""A message of another member of a team."""


@dataclass(eq=False, slots=True)
class BlockPart:
    """A block of an assistant line. `input_digest` is that of a tool's prompt, for tools that start agents."""

    type: str
    id: str = ""
    name: str = ""
    input_digest: str = ""


@dataclass(eq=False, slots=True)
class AssistantPart:
    """The content of an assistant line. `characters` counts its text, thinking and tool inputs."""

    message: str
    model: str
    usage: Mapping[str, Any]
    stop_reason: str | None
    blocks: list[BlockPart]
    characters: int
    digest: str
    request_id: str = ""
    request_ref: str = ""
    error: str = ""
    error_status: int | None = None
    is_copied: bool = False
    """True where another session made the call, of which this session is a fork."""

    @property
    def is_synthetic(self) -> bool:
        """Return whether the CLI wrote the line itself, without a call that answered."""
        return self.model == SYNTHETIC


@dataclass(eq=False, slots=True)
class UserPart:
    """The content of a user line: a prompt, or the result of the tool call `result`."""

    is_prompt: bool
    result: str = ""
    is_error: bool = False
    is_rejected: bool = False
    text_digest: str = ""
    origin: str = ""
    agent: str = ""
    is_async: bool = False
    workflow: str = ""
    duration_ms: float | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class RequestPart:
    """An HTTP attempt, at its start."""

    id: str
    source: str
    fields: Mapping[str, Any]


@dataclass(eq=False, slots=True)
class FailurePart:
    """A failed attempt of the main loop. `wait_ms` is the wait that follows it."""

    status: int | None
    message: str
    wait_ms: float | None


@dataclass(eq=False, slots=True)
class CompactionPart:
    """The place from which a conversation goes on with a summary. `tokens` is the size of the context before."""

    trigger: str
    tokens: int | None


LineContent: TypeAlias = AssistantPart | UserPart | RequestPart | FailurePart | CompactionPart


@dataclass(eq=False, slots=True)
class SessionLine:
    """A line of a session. `agent` is empty for the main conversation."""

    place: LinePlace
    uuid: str
    parent: str
    at_ns: int
    agent: str
    is_sidechain: bool
    content: LineContent | None = None
    is_embedded: bool = False


@dataclass(eq=False, slots=True)
class SessionNotes:
    """Facts about a whole session, and the lines that were not understood."""

    versions: set[str] = field(default_factory=set)
    slug: str = ""
    cost_usd: float | None = None
    recorded_tokens: dict[str, int] | None = None
    unknown: dict[str, int] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    """By agent: the tool call that started it, as progress lines or the events of a stream say."""
    names: dict[str, str] = field(default_factory=dict)
    workflows: dict[str, str] = field(default_factory=dict)
    """By agent: the workflow in whose folder its transcript lies."""
    team: str = ""
    is_closed: bool = False
    """True where the session ended cleanly, and did not go on since."""

    def miss(self, what: str) -> None:
        """Count something that was not understood."""
        self.unknown[what] = self.unknown.get(what, 0) + 1


def read_line(record: Mapping[str, Any], place: LinePlace, notes: SessionNotes) -> SessionLine | None:
    """Return the line of a session that `record` is; None for a record that has no part in the tree."""
    type = _text(record, "type")
    _note(record, notes)
    data = record.get("data")
    if type == "progress" and isinstance(data, dict) and data.get("type") == "agent_progress":
        return _embedded(record, data, place, notes)
    line = _placed(record, place)
    if type == "cost-state":
        read_costs(record, notes)
        notes.is_closed = True
        return None
    if line is None:
        if type not in IGNORED_TYPES:
            notes.miss(f"a line of type {type[:40]!r}")
        return None
    line.content = _content(record, notes)
    notes.is_closed = notes.is_closed and line.content is None
    if line.content is None and type not in IGNORED_TYPES and type not in ("user", "assistant"):
        notes.miss(f"a line of type {type[:40]!r}")
    return line


def _content(record: Mapping[str, Any], notes: SessionNotes) -> LineContent | None:
    type, message = _text(record, "type"), record.get("message")
    if type == "assistant" and isinstance(message, dict):
        return _reply(record, message)
    if type == "user" and isinstance(message, dict):
        return _turn(record, message)
    if type == "api-request":
        params = record.get("params")
        return RequestPart(
            _text(record, "id"), _text(record, "querySource"), params if isinstance(params, dict) else {}
        )
    if type == "system" and record.get("subtype") == "api_error":
        return _api_error(record)
    if type == "system" and record.get("subtype") == "compact_boundary":
        return _compaction(record)
    if type in ("user", "assistant"):
        notes.miss(f"a line of type {type!r} without a message")
    return None


def _note(record: Mapping[str, Any], notes: SessionNotes) -> None:
    if isinstance(record.get("version"), str):
        notes.versions.add(record["version"])
    if isinstance(record.get("slug"), str):
        notes.slug = record["slug"]
    if isinstance(record.get("teamName"), str):
        notes.team = record["teamName"]


def _placed(record: Mapping[str, Any], place: LinePlace, *, agent: str = "") -> SessionLine | None:
    at_ns = _time(record.get("timestamp"))
    uuid = _text(record, "uuid") or _text(record, "id")
    if at_ns is None or not uuid:
        return None
    parent = _text(record, "parentUuid")
    return SessionLine(place, uuid, parent, at_ns, agent or _text(record, "agentId"), record.get("isSidechain") is True)


def _embedded(
    record: Mapping[str, Any], data: Mapping[str, Any], place: LinePlace, notes: SessionNotes
) -> SessionLine | None:
    """Return the message of a subagent that a progress line repeats."""
    agent = _text(data, "agentId") or _text(record, "agentId")
    via = _text(record, "parentToolUseID") or _text(data, "parentToolUseID")
    inner = data.get("message")
    if agent and via:
        notes.links.setdefault(agent, via)
    if not agent or not isinstance(inner, dict):
        return _placed(record, place)
    line = _placed({"timestamp": record.get("timestamp"), **inner}, place, agent=agent)
    if line is not None:
        line.content = _content(inner, notes)
        line.is_embedded = True
    return line


def _reply(record: Mapping[str, Any], message: Mapping[str, Any]) -> AssistantPart:
    usage, blocks, characters = message.get("usage"), [], 0
    for block in blocks_of(message.get("content")):
        asked = block.get("input")
        blocks.append(
            BlockPart(_text(block, "type"), _text(block, "id"), _text(block, "name"), digest_of(_prompt_in(asked)))
        )
        texts = (block.get("text"), block.get("thinking"))
        characters += sum(len(text) for text in texts if isinstance(text, str))
        characters += 0 if asked is None else len(json.dumps(asked, ensure_ascii=False))
    is_error = record.get("isApiErrorMessage") is True or record.get("is_api_error_message") is True
    status = record.get("apiErrorStatus", record.get("api_error_status"))
    return AssistantPart(
        _text(message, "id"),
        _text(message, "model"),
        usage if isinstance(usage, dict) else {},
        _text(message, "stop_reason") or None,
        blocks,
        characters,
        digest_of(json.dumps(message.get("content"), sort_keys=True)),
        _text(record, "requestId") or _text(record, "request_id"),
        _text(record, "requestRef"),
        (_text(record, "error") or "api_error") if is_error else "",
        status if isinstance(status, int) else None,
        _maker(record) not in ("", record.get("sessionId")),
    )


def _maker(record: Mapping[str, Any]) -> str:
    """Return the session that made a call, where a line of a fork names it."""
    origin = record.get("forkedFrom")
    return _text(record, "requestSessionId") or (_text(origin, "sessionId") if isinstance(origin, dict) else "")


def _turn(record: Mapping[str, Any], message: Mapping[str, Any]) -> UserPart:
    content = message.get("content")
    result: Mapping[str, Any] = {}
    for block in blocks_of(content):
        if block.get("type") == "tool_result":
            result = block
    text = text_of(content)
    if result:
        return _result(record, result)
    origin = record.get("origin")
    kind = _text(origin, "kind") if isinstance(origin, dict) else ""
    if not kind and text.startswith("<task-notification>"):
        kind = "task-notification"
    mate = _TEAMMATE.match(text)
    if not kind and mate is not None:
        kind = "teammate"
    is_prompt = record.get("isMeta") is not True and record.get("isCompactSummary") is not True
    is_prompt = is_prompt and bool(text or blocks_of(content)) and not text.startswith(_NO_PROMPT)
    return UserPart(
        is_prompt and not text.startswith("[Request interrupted"),
        text_digest=digest_of(text if mate is None else mate[1].strip()),
        origin=kind.replace("-", "_") or _text(record, "turnOrigin"),
    )


def _result(record: Mapping[str, Any], result: Mapping[str, Any]) -> UserPart:
    detail = record.get("toolUseResult", record.get("tool_use_result"))
    decision = record.get("permissionDecision")
    is_rejected = isinstance(decision, dict) and decision.get("decision") == "reject"
    turn = UserPart(False, _text(result, "tool_use_id"), result.get("is_error") is True, is_rejected)
    if isinstance(detail, dict):
        turn.agent = _text(detail, "agentId") or _text(detail, "agent_id")
        turn.is_async = detail.get("isAsync") is True or detail.get("status") in ("async_launched", "teammate_spawned")
        turn.workflow = _text(detail, "transcriptDir").rstrip("/").rpartition("/")[2]
        duration, usage = detail.get("totalDurationMs"), detail.get("usage")
        turn.duration_ms = (
            float(duration) if isinstance(duration, int | float) and turn.agent and 0 <= duration < 1e12 else None
        )
        turn.usage = usage if isinstance(usage, dict) else {}
    return turn


def _api_error(record: Mapping[str, Any]) -> FailurePart:
    error = record.get("error")
    error = error if isinstance(error, dict) else {}
    status, wait = error.get("status"), record.get("retryInMs")
    return FailurePart(
        status if isinstance(status, int) else None,
        str(error.get("message") or ""),
        min(float(wait), _LONGEST_WAIT_MS) if isinstance(wait, int | float) and wait >= 0 else None,
    )


def _compaction(record: Mapping[str, Any]) -> CompactionPart:
    about = record.get("compactMetadata")
    about = about if isinstance(about, dict) else {}
    tokens = about.get("preTokens")
    return CompactionPart(_text(about, "trigger"), tokens if type(tokens) is int and tokens >= 0 else None)


_KINDS = {
    "input": "inputTokens",
    "output": "outputTokens",
    "cache_read": "cacheReadInputTokens",
    "cache_write": "cacheCreationInputTokens",
}


def read_costs(record: Mapping[str, Any], notes: SessionNotes) -> None:
    """Note the CLI's own account of the session; the last one counts, since each is cumulative."""
    cost = record.get("totalCostUSD", record.get("total_cost_usd"))
    if isinstance(cost, int | float):
        notes.cost_usd = float(cost)
    models = record.get("modelUsage")
    if isinstance(models, dict):
        usages = [usage for usage in models.values() if isinstance(usage, dict)]
        found = {kind: sum(_count(usage.get(name)) for usage in usages) for kind, name in _KINDS.items()}
        # The CLI's count leaves out what was read from and written to the cache.
        found["input"] += found["cache_read"] + found["cache_write"]
        notes.recorded_tokens = found


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 1 << 40 else 0


def _prompt_in(asked: Any) -> str:
    return _text(asked, "prompt") if isinstance(asked, dict) else ""


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def _time(text: Any) -> int | None:
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    # Whole microseconds: a float of seconds is not exact.
    at_ns = (int(at.timestamp()) * 1_000_000 + at.microsecond) * 1000
    return at_ns if 0 <= at_ns <= _LATEST_NS else None

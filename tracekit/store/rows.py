"""The rows that the store is given: a run's tree as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tracekit.model.summary import RunSummary

__all__ = ["File", "FindingRow", "Fit", "KnownRun", "MessageRow", "PracticeRow", "RunRows", "SpanRow"]


class File(NamedTuple):
    """A segment as it lay on the disk when it was read. `path` is relative to the folder for journals."""

    path: str
    size: int
    mtime_ns: int
    inode: int


class SpanRow(NamedTuple):
    """A node of the tree. `position` counts from the root down, parents before children."""

    position: int
    depth: int
    id: str
    parent: str | None
    kind: str
    name: str
    agent: str | None
    agent_id: str | None
    model: str | None
    lane: str
    status: str
    error_type: str | None
    error_message: str | None
    inferred: bool
    start_ns: int
    end_ns: int | None
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: float | None
    cost_complete: bool
    retries: int
    stop_reason: str | None
    outcome: str | None
    number: int | None
    http_status: int | None
    wait_ms: float | None
    request_id: str | None
    tool: str | None
    tool_call_id: str | None
    attributes: str


class MessageRow(NamedTuple):
    """A block of a message that a call was the first to bring."""

    call: str
    position: int
    is_answer: bool
    role: str
    block: str
    text: str | None
    tool: str | None
    tool_call_id: str | None


class FindingRow(NamedTuple):
    """A finding. `evidence` and `spans` are JSON lists of texts."""

    code: str
    rule: str
    confidence: str
    message: str
    evidence: str
    spans: str
    saved_ms: float | None
    saved_usd: float | None
    remedy: str


class PracticeRow(NamedTuple):
    """An agent's use of its tools in a run. `prompt` and `tools` are digests; lists are JSON texts.

    `offered` and `called` are names of tools, `together` pairs of names.
    """

    agent: str
    prompt: str
    tools: str
    offered: str
    called: str
    together: str
    is_whole: bool


@dataclass(slots=True)
class Fit:
    """A flag that says whether the rows hold all values exactly, so far."""

    exact: bool = True


@dataclass(frozen=True, slots=True)
class RunRows:
    """All that the store keeps of one run, or why it keeps nothing (`problem`).

    `spans`, `messages`, `findings` and `practices` are made while they are taken, once. `count` is the number of spans. `damage`
    tells, with its file, what could not be read. `fit` says, once all is taken, whether the rows give back the very
    tree; what a table cannot hold was changed. `alive` names the files whose writers lived. `maker` says by which rules
    the rows were made, `took_s` how long it took to read the run.
    """

    id: str
    files: Sequence[File]
    alive: frozenset[str]
    maker: str
    took_s: float
    summary: RunSummary | None = None
    count: int = 0
    spans: Iterable[SpanRow] = ()
    messages: Iterable[MessageRow] = ()
    findings: Iterable[FindingRow] = ()
    practices: Iterable[PracticeRow] = ()
    damage: Sequence[tuple[str, str]] = ()
    fit: Fit = field(default_factory=Fit)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class KnownRun:
    """The state of a run's journals in the store. `copy` is the number of its rows, or None."""

    id: str
    copy: int | None
    maker: str
    recorded_at_ns: int
    collected_at_ns: int
    took_s: float
    alive: frozenset[str]
    files: frozenset[File]
    problem: str

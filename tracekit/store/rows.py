"""The rows of the store's tables, but for runs and spans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tracekit.model.columns import column, row
from tracekit.model.events import Unrecorded
from tracekit.model.finding import Confidence
from tracekit.model.summary import RunSummary
from tracekit.store.span_row import SpanRow

__all__ = [
    "File",
    "FindingRow",
    "Fit",
    "JournalRow",
    "KnownRun",
    "MessageRow",
    "PracticeRow",
    "RunRows",
    "SegmentRow",
]


class File(NamedTuple):
    """A segment as it lay on the disk when it was read. `path` is relative to the folder for journals."""

    path: str
    size: int
    mtime_ns: int
    inode: int


@row
class JournalRow:
    """The state of a run's journals. `copy` is the number of the run's rows; None where nothing could be read.

    `exact` says whether the rows give back the very tree. `damage` and `unrecorded` are JSON lists, and `problem` says why
    nothing could be read.
    """

    run: str = column("the id in the files' names")
    copy: int | None = column("the number of the run's rows")
    maker: str = column("the rules by which the rows were made")
    recorded_at_ns: int = column("when the record began")
    collected_at_ns: int = column("when the journals were read")
    took_s: float = column("seconds that reading them took")
    exact: bool = column("whether the rows give back the very tree")
    damage: str = column("the files that are damaged, and how", holds_json=True)
    problem: str = column("why nothing could be read")
    unrecorded: str | None = column("the requests that are missing in the record", holds_json=True)


@row
class SegmentRow:
    """A file of a run as it was when it was read. `alive` says whether its writer lived."""

    run: str = column("the id in the file's name")
    path: str = column("relative to the folder for journals")
    size: int = column("bytes")
    mtime_ns: int = column("when it was last written")
    inode: int = column("its number in the file system")
    alive: bool = column("whether its writer lived")

    @property
    def file(self) -> File:
        """The file."""
        return File(self.path, self.size, self.mtime_ns, self.inode)


@row
class MessageRow:
    """A block of a message that a call was the first to bring."""

    call: str = column("the id of the call in llm_calls")
    position: int = column("its place within the call, 0 first")
    is_answer: bool = column("whether it is from a response; else it is from a request")
    role: str = column("system, user or assistant")
    block: str = column("the block's type: text, thinking, tool_use, tool_result, image …")
    text: str | None = column(
        "its text, up to 100,000 characters; a tool's input and other blocks as JSON, long data left out"
    )
    tool: str | None = column("the tool that a tool_use block asks for")
    tool_call_id: str | None = column("the id of the tool_use block that it is, or answers")


@row
class FindingRow:
    """A finding. `evidence` and `spans` are JSON lists of texts."""

    code: str = column("the rule's code")
    rule: str = column("the rule's name")
    confidence: Confidence = column("certain, likely or possible")
    message: str = column("what was found")
    evidence: str = column("why", holds_json=True)
    spans: str = column("the ids of the spans it is about", holds_json=True)
    saved_ms: float | None = column("milliseconds that the remedy would save")
    saved_usd: float | None = column("US dollars that the remedy would save")
    remedy: str = column("what to do")


@row
class PracticeRow:
    """An agent's use of its tools in a run. `prompt` and `tools` are digests; lists are JSON texts."""

    agent: str = column("the agent's name")
    prompt: str = column("a digest of its system prompt")
    tools: str = column("a digest of the tools that its requests offered")
    offered: str = column("the names of these tools", holds_json=True)
    called: str = column("the names of the tools that its model requested", holds_json=True)
    together: str = column("pairs of tools that one response requested", holds_json=True)
    is_whole: bool = column("whether all of that is known")


@dataclass(slots=True)
class Fit:
    """A flag that says whether the rows hold all values exactly, so far."""

    exact: bool = True


@dataclass(frozen=True, slots=True)
class RunRows:
    """The rows of one run in the store, or the reason why there are none (`problem`).

    `spans`, `messages`, `findings` and `practices` are made while they are taken, once. `damage` tells, with its
    file, what could not be read. `fit` says, once all is taken, whether the rows give back the very
    tree; what a table cannot hold was changed. `alive` names the files whose writers lived. `maker` says by which rules
    the rows were made, `took_s` how long it took to read the run.
    """

    id: str
    files: Sequence[File]
    alive: frozenset[str]
    maker: str
    took_s: float
    summary: RunSummary | None = None
    spans: Iterable[SpanRow] = ()
    messages: Iterable[MessageRow] = ()
    findings: Iterable[FindingRow] = ()
    practices: Iterable[PracticeRow] = ()
    damage: Sequence[tuple[str, str]] = ()
    unrecorded: Sequence[Unrecorded] = ()
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

"""One recorded run, to read in Python and to show in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tracekit.collect.look import find, read_entry
from tracekit.collect.transcript import transcript_of
from tracekit.model.finding import Finding
from tracekit.model.tree import Node, Run
from tracekit.rules.default import default_findings

__all__ = ["LoadedRun", "RunMessage", "load"]


@dataclass(frozen=True, slots=True)
class RunMessage:
    """A content block of a run's conversation, under the call that was the first to send or receive it.

    Attributes:
        agent: The name of the agent; None outside of any.
        call: The id of the call.
        role: `system`, `user` or `assistant`.
        block: The type of the block: `text`, `thinking`, `tool_use`, `tool_result` …
        text: The text; the input of a tool as JSON.
        tool: The tool that the block calls, or whose result the block is.
        is_answer: Whether the block belongs to the response of the call; else to its request.
        at_ns: The begin of the call, or the end for a response, in nanoseconds since the epoch; None while it is open.
    """

    agent: str | None
    call: str
    role: str
    block: str
    text: str
    tool: str | None
    is_answer: bool
    at_ns: int | None


class LoadedRun:
    """A recorded run. In a notebook, it shows its tree and time bars.

    Args:
        run: The run with its requests and responses.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def __repr__(self) -> str:
        return f"<run {self.id[:8]} {self.name!r}: {self.status}, {self._run.count():,} spans>"

    @property
    def id(self) -> str:
        """The id, 32 hex digits."""
        return self._run.id

    @property
    def name(self) -> str:
        """The name."""
        return self._run.name

    @property
    def status(self) -> str:
        """`ok`, `error`, `open` or `interrupted`."""
        return self._run.status

    @property
    def run(self) -> Run:
        """The run as `tracekit.testing.check` takes it."""
        return self._run

    @property
    def tree(self) -> Node:
        """The root span, with `children`; `walk()` yields all spans, parents before children."""
        return self._run.root

    @property
    def duration_s(self) -> float:
        """Seconds from the begin of the run to the last that is known of it."""
        return (self._run.last_ns - self._run.root.start_ns) / 1e9

    @property
    def cost_usd(self) -> float | None:
        """The known list prices in US dollars; None if there is none."""
        return self._run.root.cost_usd

    @cached_property
    def findings(self) -> list[Finding]:
        """The findings of `tracekit check`, by the default settings."""
        return default_findings(self._run)

    def messages(self, *, by_agent: bool = False) -> list[RunMessage]:
        """Return the conversation of the run in the order of time, or agent by agent; each message once."""
        return [
            RunMessage(
                None if entry.agent is None else entry.agent.agent,
                entry.call.id,
                entry.row.role,
                entry.row.block,
                entry.row.text or "",
                entry.tool,
                entry.row.is_answer,
                entry.at_ns,
            )
            for entry in transcript_of(self._run, by_agent=by_agent)
        ]

    def _repr_html_(self) -> str:
        from tracekit.share.cell import html_of  # noqa: PLC0415  only a notebook needs it

        return html_of(self._run, self.findings)


def load(run: str | Path = "last") -> LoadedRun:
    """Load the run that `run` means, as every command takes it.

    `run` is `last`, an id or its beginning, a name, a trace id, or a file that `tracekit export` wrote.

    Raises:
        RunNotFoundError: `run` means none.
        AmbiguousRunError: `run` is the beginning of several ids.
        JournalError: The run cannot be read.
    """
    text = str(run.absolute()) if isinstance(run, Path) else run
    return LoadedRun(read_entry(find(text)))

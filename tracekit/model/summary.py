"""A run in one line: what `ls` tells of it, and what the store keeps of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tracekit.model.columns import RowColumn, column, columns_of, row
from tracekit.model.events import ReplayMode
from tracekit.model.tree import RunTree, Status, Tokens

__all__ = ["OWN_SOURCE", "TOKENS_IN", "RunSummary", "listed_numbers", "summary_of"]

OWN_SOURCE = "tracekit"
"""The source of runs that tracekit recorded itself, where one has to be named: their `source` is empty."""

TOKENS_IN = "tokens in, those read from and written to the cache included"

T = TypeVar("T")


def _of(
    doc: str,
    get: Callable[[RunTree], T],
    *,
    views: str | None = None,
    moment: str = "",
    json: str = "",
    header: str = "",
) -> T:
    """Declare a column whose value is computed from the run."""
    declared: T = column(doc, get, views=views, moment=moment, json=json, header=header)
    return declared


@row
class RunSummary:
    """A run's identity, times and totals. Each field is a column of the store.

    `end_ns` is None for a run that is open or interrupted; `last_ns` is the latest time that anything of it is known
    of. A replay asks nobody, and costs nothing. Whoever lists runs builds on this, whether it was read from a journal
    or from the store. A field with a `header` is a column of `tracekit ls` and of the viewer, too.
    """

    id: str = _of("32 hex digits", lambda run: run.id, json="id")
    name: str = _of("what it was called when it was recorded", lambda run: run.name, json="name")
    status: Status = _of(
        "ok, error, open, or interrupted: its process ended before it did", lambda run: run.status, json="status"
    )
    recorded_at_ns: int = _of(
        "when its record began", lambda run: run.recorded_at_ns, moment="recorded_at", json="recorded_at_ns"
    )
    start_ns: int = _of("when it began", lambda run: run.root.start_ns, moment="started_at", json="start_ns")
    end_ns: int | None = _of(
        "when it ended; null if it is open or was interrupted",
        lambda run: run.root.end_ns if run.status in ("ok", "error") else None,
        moment="ended_at",
        json="end_ns",
    )
    last_ns: int = _of("the latest time that anything of it is known of", lambda run: run.last_ns, views="")
    input_tokens: int = _of(
        f"of all calls: {TOKENS_IN}", lambda run: run.root.tokens.input, json="tokens.input", header="in"
    )
    output_tokens: int = _of(
        "of all calls: tokens out, as far as known; null if nothing is",
        lambda run: run.root.tokens.output,
        json="tokens.output",
        header="out",
    )
    cache_read_tokens: int = _of(
        "of all calls: tokens read from the cache", lambda run: run.root.tokens.cache_read, json="tokens.cache_read"
    )
    cache_write_tokens: int = _of(
        "of all calls: tokens written to the cache", lambda run: run.root.tokens.cache_write, json="tokens.cache_write"
    )
    cost_usd: float | None = _of(
        "of all calls: the known prices in US dollars; null if none is known, 0 for a replay",
        lambda run: 0.0 if run.replay_of is not None else run.root.cost_usd,
        json="cost_usd",
    )
    cost_complete: bool = _of(
        "of all calls: whether every price is known",
        lambda run: run.replay_of is not None or run.root.cost_complete,
        json="cost_complete",
    )
    retries: int = _of(
        "of all calls: attempts beyond the first of a call",
        lambda run: run.root.retries,
        json="retries",
        header="retries",
    )
    agents: int = _of("how many agents were at work", lambda run: run.count("agent"), json="agents", header="agents")
    calls: int = _of(
        "how many calls of the model there were", lambda run: run.count("llm"), json="calls", header="calls"
    )
    findings: int = _of("how many findings are likely or certain", lambda _: 0, json="findings", header="findings")
    spans: int = _of("how many spans its tree has", lambda run: run.count())
    replay_of: str | None = _of("the id of the run that it replayed", lambda run: run.replay_of, json="replay_of")
    replay: ReplayMode | None = _of(
        "followed, projected or diverged, if it is a replay", lambda run: run.replay, json="replay"
    )
    source: str = _of(
        "the tool from whose record it was imported; empty if it was recorded itself",
        lambda run: run.source,
        json="source",
    )

    is_output_partial: bool = _of(
        "of all calls: whether the output of a call is not known",
        lambda run: run.root.tokens.is_partial,
        views="",
    )
    calls_cost_usd: float | None = _of(
        "of all calls: the known prices, also of the calls that a replay took from its recording",
        lambda run: run.root.cost_usd,
        views="",
    )

    @property
    def tokens(self) -> Tokens:
        """The tokens of all calls."""
        return Tokens(
            self.input_tokens,
            self.output_tokens,
            self.cache_read_tokens,
            self.cache_write_tokens,
            self.is_output_partial,
        )

    @property
    def shown_cost_usd(self) -> float | None:
        """The known prices of all calls; of a replay, which costs nothing, those of the recorded calls."""
        return self.cost_usd if self.replay_of is None else self.calls_cost_usd

    @property
    def duration_ns(self) -> int:
        """Nanoseconds from its begin to its end, or to the last that is known of it."""
        return (self.last_ns if self.end_ns is None else self.end_ns) - self.start_ns


def summary_of(run: RunTree, findings: int = 0) -> RunSummary:
    """The line for `run`, of which rules have so many `findings`, likely or certain."""
    values = {each.name: each.get(run) for each in columns_of(RunSummary)}
    return RunSummary(**{**values, "findings": findings})


_ORDER = ("agents", "calls", "retries", "in", "out")


def listed_numbers() -> list[RowColumn]:
    """The numbers that lists of runs show, in order; a new one is the last."""
    listed = {each.header: each for each in columns_of(RunSummary) if each.header}
    return [listed[header] for header in dict.fromkeys((*_ORDER, *listed))]

"""Runs for a list: what each shows in its line, at fixed times."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tracekit import semconv
from tracekit.journal.writer import JournalSink
from tracekit.model.events import Failure, SpanBegin, SpanEnd
from tracekit.model.run import RunInfo

NOON_NS = 1_795_348_800_000_000_000
"""2026-11-22 12:00:00 UTC."""

S = 1_000_000_000


@dataclass(frozen=True)
class Listed:
    """A run: it began `ago_s` before noon and took `took_s`; `interrupted` and `open` ones have no recorded end."""

    name: str
    ago_s: float = 60.0
    took_s: float = 11.0
    status: Literal["ok", "error", "open", "interrupted"] = "ok"
    agents: int = 1
    calls: int = 1
    retries: int = 0
    input: int = 900
    output: int = 120
    model: str = "claude-sonnet-4-5"

    @property
    def id(self) -> str:
        """Derived from the name."""
        return self.name.encode().hex().ljust(32, "0")[:32]

    def write(self, sink: JournalSink) -> RunInfo:
        """Record it with `sink`, which stays open for one that lives."""
        begin = NOON_NS - round(self.ago_s * S)
        run = RunInfo(self.id, self.name, begin)
        end = begin + round(self.took_s * S)
        sink.write(run, SpanBegin("1" * 16, None, "run", self.name, begin, "m"))
        for number in range(self.agents):
            agent = f"a{number:015x}"
            named = {semconv.AGENT_NAME: f"agent_{number}"}
            sink.write(run, SpanBegin(agent, "1" * 16, "agent", "invoke_agent", begin, "m", "", named))
            if not number:
                self._calls(sink, run, agent, begin, end)
            if self.status in ("ok", "error"):
                sink.write(run, SpanEnd(agent, end, "ok"))
        if self.status in ("ok", "error"):
            failure = Failure("ValueError", "no") if self.status == "error" else None
            sink.write(run, SpanEnd("1" * 16, end, self.status, failure))
            sink.release(run)
        return run

    def _calls(self, sink: JournalSink, run: RunInfo, agent: str, begin: int, end: int) -> None:
        for number in range(self.calls):
            call = f"c{number:015x}"
            asked = {semconv.REQUEST_MODEL: self.model}
            sink.write(run, SpanBegin(call, agent, "llm", "chat", begin, "m", "", asked))
            for attempt in range(1 + (self.retries if not number else 0)):
                id = f"d{number:07x}{attempt:08x}"
                sink.write(run, SpanBegin(id, call, "attempt", "POST", begin, "m"))
                sink.write(run, SpanEnd(id, end, "ok"))
            used = {semconv.INPUT_TOKENS: self.input, semconv.OUTPUT_TOKENS: self.output}
            sink.write(run, SpanEnd(call, end, "ok", None, used))


RUNS = (
    Listed("release-notes", 4.2, 3.0, "open", agents=3, calls=4, input=12_345, output=678),
    Listed("support-team", 60, 11.0, agents=9, calls=16, input=431, output=86),
    Listed("refactoring", 400, 11.6, agents=7, calls=10, retries=2, input=506, output=145),
    Listed("nightly-triage", 3_700, 312.0, "error", agents=4, calls=31, retries=5, input=91_234, output=4_321),
    Listed("migrate-orders", 90_000, 4_000.0, "interrupted", agents=2, calls=12, input=800_000, output=9_000),
    Listed("a model of our own", 180_000, 0.34, model="acme-7b"),
    Listed("名前は長い \x1b[31mred\u202e [b]bold[/b] " + "x" * 80, 400_000, 1.0),
)
"""A list with everything in it: each status, retries, an unknown price, a name that would like to be more than text."""


def write_all(runs: tuple[Listed, ...] = RUNS) -> JournalSink:
    """Record `runs`; the sink must be kept for as long as those that are open are to live."""
    sink, killed = JournalSink(), JournalSink()
    for run in runs:
        run.write(killed if run.status == "interrupted" else sink)
    # As if its process had died: nothing more is said, and the lock is gone.
    killed.forked()
    return sink


def write_many(many: int) -> JournalSink:
    """Record so many runs of one call."""
    return write_all(tuple(Listed(f"job-{number:04d}", 10.0 + number, 1.0) for number in range(many)))


def damage(home: Path) -> None:
    """Put a line that cannot be read into the first journal below `home`, by name."""
    with min(home.glob("runs/*/*.jsonl")).open("ab") as file:
        file.write(b'{"e":"begin","id":7}\n')

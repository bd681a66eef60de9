"""Records within a test, and reads the record back from its journals."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace as otel_trace

import tracekit
from tracekit.instrument import carry, guard, lanes, recorder
from tracekit.instrument.context import current_span
from tracekit.journal.catalog import all_runs
from tracekit.journal.reader import read_run
from tracekit.model.events import Kind
from tracekit.model.recording import Exchange, RecordedSpan, Recording

AUTHORITY = Path(__file__).with_name("data") / "authority.pem"
"""The one authority that clients trust in tests: to read those of the system takes longer than a call, for each client."""


@pytest.fixture(scope="session")
def _frozen() -> None:
    """Freeze the objects that the import of the SDK leaves, so that no collection searches them."""
    import anthropic.lib.bedrock  # noqa: F401

    gc.collect()
    gc.freeze()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _frozen: None) -> Iterator[Path]:
    """A folder for the journals of one test, in a process that does not record yet."""
    for name in [name for name in os.environ if name.startswith(("TRACEKIT_", "OTEL_", "ANTHROPIC_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TRACEKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRACEKIT_RAISE", "1")
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    faults = guard.faults.count
    yield tmp_path / "home"
    gc.collect(1)
    caught = guard.faults.count - faults
    stop()
    assert caught == 0, "our own code raised, and the guard caught it"


@pytest.fixture
def recording(home: Path) -> Path:
    """`home`, in a process that records from here to the end of the test."""
    tracekit.init()
    return home


@pytest.fixture(params=["recorded", "inert"])
def either(request: pytest.FixtureRequest, home: Path) -> bool:
    """The same with and without `init()`."""
    if request.param == "recorded":
        tracekit.init()
    return bool(request.param == "recorded")


def stop() -> None:
    """Record no further, and leave no trace of us in the process."""
    from tracekit.instrument.http import hook
    from tracekit.instrument.sdk import seam

    active = recorder.active()
    if active is not None:
        active.exit()
    recorder.install(None)
    seam.unhook()
    hook.unhook()
    carry.stop_carrying()
    lanes.main_lane().begin_anew(({}, 0))
    guard.forget()
    otel_trace._set_tracer_provider = getattr(
        otel_trace._set_tracer_provider, "__wrapped__", otel_trace._set_tracer_provider
    )


def recordings() -> list[Recording]:
    """The runs recorded so far, oldest first. Nothing in them may be damaged."""
    found = [read_run(entry.paths) for entry in reversed(all_runs())]
    assert [segment.damage for run in found for segment in run.segments if segment.damage] == []
    return found


def the_run() -> Recording:
    """The one run recorded so far."""
    found = recordings()
    assert len(found) == 1, [run.name for run in found]
    return found[0]


def spans(run: Recording, kind: Kind) -> list[RecordedSpan]:
    """The run's spans of one kind, in the order in which they began."""
    return sorted((span for span in run.spans.values() if span.kind == kind), key=lambda span: span.start_ns)


def the_span(run: Recording, kind: Kind) -> RecordedSpan:
    """The run's one span of a kind."""
    (span,) = spans(run, kind)
    return span


def exchanges(run: Recording) -> list[Exchange]:
    """The run's exchanges, in the order in which they began."""
    return [run.exchanges[span.id] for span in spans(run, "attempt") if span.id in run.exchanges]


def tree(run: Recording) -> list[str]:
    """The run's spans as indented lines ``kind name``, children in the order in which they began."""
    children: dict[str | None, list[RecordedSpan]] = {}
    for span in sorted(run.spans.values(), key=lambda span: span.start_ns):
        children.setdefault(span.parent if span.parent in run.spans else None, []).append(span)

    def lines(parent: str | None, depth: int) -> list[str]:
        return [
            line
            for span in children.get(parent, [])
            for line in [f"{'  ' * depth}{span.kind} {span.name}", *lines(span.id, depth + 1)]
        ]

    return lines(None, 0)


def assert_closed(run: Recording) -> None:
    """Every span has ended, within its parent's time unless it is an agent's or a tool's straggler."""
    for span in run.spans.values():
        assert span.status != "open", span
        assert span.end_ns is not None, span
        assert span.end_ns >= span.start_ns, span
        if span.kind == "attempt":
            parent = run.spans[span.parent or ""]
            assert parent.end_ns is not None
            assert parent.start_ns <= span.start_ns <= span.end_ns <= parent.end_ns, (parent, span)


def as_json(value: Any) -> Any:
    """`value` as the SDK gave it, in a form that can be compared."""
    if hasattr(value, "to_dict"):
        return [type(value).__name__, value.to_dict(mode="json")]
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value


def name_of_current() -> str | None:
    """The name of the span in which the caller stands."""
    live = current_span()
    return live.name if live else None

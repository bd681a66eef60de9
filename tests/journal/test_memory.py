"""Memory: of the program that records, and of whoever reads what was recorded."""

import gc
import json
import os
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.journals import RUN, asking, begin, compact, end, new_run, write_run
from tracekit.analysis.new_messages import messages_of
from tracekit.analysis.structure import structure
from tracekit.errors import JournalError
from tracekit.journal import lines
from tracekit.journal.encode import Encoder
from tracekit.journal.reader import read_run
from tracekit.journal.writer import JournalSink
from tracekit.model.conversation import prefix_keys
from tracekit.model.events import SpanBegin, SpanEnd
from tracekit.model.run import RunInfo
from tracekit.rules.default import default_findings

pytestmark = pytest.mark.slow

MB = 1_000_000


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def held_by(make: Callable[[], object]) -> int:
    """Bytes that what `make` returns holds."""
    gc.collect()
    tracemalloc.start()
    kept = make()
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return size


def test_encoders_hold_a_few_megabytes_whatever_was_sent() -> None:
    def one() -> Encoder:
        encoder = Encoder()
        for number in range(5_000):
            event = asking(number, compact({"model": "m", "messages": [user(f"{number} " + "x" * 4_000)]}))
            encoder.lines(event)
            encoder.written(event)
        return encoder

    def many() -> list[Encoder]:
        encoders = [Encoder() for _ in range(300)]
        for number, encoder in enumerate(encoders):
            for turn in range(3):
                event = asking(number, compact({"messages": [user(f"{number} {turn} " + "x" * 100_000)]}))
                encoder.lines(event)
                encoder.written(event)
        return encoders

    assert held_by(one) < 4 * MB
    assert held_by(many) < 4 * MB


def test_a_run_that_ended_holds_nothing(home: Path) -> None:
    def runs() -> JournalSink:
        sink = JournalSink()
        for number in range(100):
            run = new_run(f"run {number}")
            sink.write(run, begin(1))
            for turn in range(3):
                sink.write(run, asking(10 + turn, compact({"messages": [user(f"{turn} " + "x" * 50_000)]})))
                sink.write(run, SpanEnd(f"{10 + turn:016x}", 9, "ok"))
            sink.write(run, end(1))
            sink.release(run)
        return sink

    assert held_by(runs) < MB


def test_a_conversation_without_a_run_goes_on_where_it_stopped(home: Path) -> None:
    """Each of its calls ends what is open of it; its history is stored once for all that."""
    run = RunInfo(RUN.id, RUN.name, RUN.recorded_at_ns, rootless=True)
    sink = JournalSink()
    messages: list[dict[str, str]] = []
    for turn in range(20):
        messages += [user(f"{turn} " + "y" * 5_000), {"role": "assistant", "content": "z"}]
        sink.write(run, asking(turn, compact({"model": "m", "messages": messages[:-1]})))
        sink.write(run, SpanEnd(f"{turn:016x}", 9, "ok"))
        sink.release(run)
    (path,) = home.glob("runs/*/*.jsonl")
    assert path.stat().st_size < 20 * 6_500


def conversation(turns: int, document: int) -> tuple[Path, list[bytes]]:
    """A run of so many turns over a document of so many bytes: its journal, and what each call sent."""
    rng = random.Random(1)
    messages: list[Any] = [user("line of a document\n" * (document // 19))]
    events: list[Any] = [begin(0)]
    bodies = []
    for turn in range(1, turns + 1):
        bodies.append(compact({"max_tokens": 9, "messages": messages, "model": "m", "system": "s" * 2_000}))
        events += [
            SpanBegin(f"{turn:08x}{0:08x}", f"{0:016x}", "llm", "chat", turn * 10, "m"),
            SpanBegin(
                f"{turn:016x}",
                f"{turn:08x}{0:08x}",
                "attempt",
                "POST",
                turn * 10,
                "m",
                "",
                {},
                asking(0, bodies[-1]).request,
            ),
            SpanEnd(f"{turn:016x}", turn * 10 + 5, "ok"),
            SpanEnd(f"{turn:08x}{0:08x}", turn * 10 + 5, "ok"),
        ]
        said = f"answer {rng.random()}"
        messages = [*messages, {"role": "assistant", "content": said}, user(f"turn {turn} " + "output " * 50)]
    return write_run(*events, end(0)), bodies


def test_reading_costs_what_is_on_the_disk(home: Path) -> None:
    """400 calls of 80 MB, stored in 0.6 MB: their tree, rows and findings need no more than that."""
    path, bodies = conversation(400, 100_000)
    on_disk = path.stat().st_size
    assert sum(map(len, bodies)) > 100 * on_disk

    tracemalloc.start()
    run = structure(read_run([path]))
    rows = list(messages_of(run))
    default_findings(run)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * on_disk
    assert sum(len(row.text or "") for row in rows) < 1.1 * on_disk
    exchanges = list(run.recording.exchanges.values())
    assert [exchange.request.body for exchange in exchanges] == bodies
    assert [exchange.request.size for exchange in exchanges] == list(map(len, bodies))
    asked = exchanges[-1].request.asked
    sent = json.loads(bodies[-1])
    assert {name: asked[name] for name in asked} == sent
    assert [asked.messages.key(count + 1) for count in range(len(asked.messages))] == prefix_keys(sent["messages"])
    assert asked.messages[3:7] == sent["messages"][3:7]
    assert asked.messages.shared(exchanges[-2].request.asked.messages) == len(asked.messages) - 2


def test_what_is_forgotten_is_read_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_KEPT_BYTES", 1)
    monkeypatch.setattr(lines, "_LARGEST_KEPT", 0)
    path, bodies = conversation(20, 10_000)
    recording = read_run([path])
    exchange = list(recording.exchanges.values())[-1]
    assert exchange.request.body == bodies[-1]
    path.unlink()
    assert exchange.request.body == bodies[-1], "the file is still open"
    changed, _ = conversation(20, 10_000)
    recording = read_run([changed])
    os.truncate(changed, 100)
    with pytest.raises(JournalError, match="was changed while it was in use"):
        next(iter(recording.exchanges.values())).request.asked["system"]


READ = """
import sys
from pathlib import Path
from tests.support.memory import peak_bytes
from tracekit.analysis.structure import structure
from tracekit.journal.reader import read_run
before = peak_bytes()
run = structure(read_run([Path(sys.argv[1])]))
print(len(run.recording.exchanges), peak_bytes() - before)
"""


def test_the_tree_of_a_large_journal_needs_little_of_it(home: Path) -> None:
    """Images and long texts, 80 MB of them, of which only where they stand is kept."""
    rng = random.Random(2)
    events: list[Any] = [begin(0)]
    for number in range(1, 21):
        source = {"type": "base64", "media_type": "image/png", "data": rng.randbytes(1_000_000).hex()}
        content = [{"type": "text", "text": "w" * 2 * MB}, {"type": "image", "source": source}]
        body = compact({"messages": [{"role": "user", "content": [{"type": "text", "text": str(number)}, *content]}]})
        events += [asking(number, body), SpanEnd(f"{number:016x}", 2_000 + number, "ok")]
    path = write_run(*events, end(0))
    assert path.stat().st_size > 80 * MB
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    exchanges, more = map(int, done.stdout.split())
    assert exchanges == 20
    assert more < path.stat().st_size / 2

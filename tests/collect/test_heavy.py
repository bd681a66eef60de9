"""Runs with very much text, and runs that the store cannot take: neither keeps out any other."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import environment
from tests.support.journals import asking, begin, compact, end, new_run, write_run
from tests.support.runs import write_runs
from tracekit.analysis.new_messages import messages_of
from tracekit.collect import rows
from tracekit.collect.collect import collect, rebuild
from tracekit.collect.prune import prune
from tracekit.errors import RowsError
from tracekit.model.events import SpanBegin, SpanEnd
from tracekit.model.tree import Run
from tracekit.store import queries
from tracekit.store.rows import MessageRow
from tracekit.store.store import Store
from tracekit.store.writer import Writer

pytestmark = pytest.mark.slow


def calls(texts: list[str], result: str = "") -> list[Any]:
    """A call for each of `texts`, with a tool that returned `result`."""
    events: list[Any] = [begin(0)]
    for number, text in enumerate(texts, 1):
        llm = f"{number:08x}{0:08x}"
        asked = asking(number, compact({"model": "m", "messages": [{"role": "user", "content": text}]}))
        events += [
            SpanBegin(llm, f"{0:016x}", "llm", "chat", 10 * number, "m"),
            SpanBegin(asked.id, llm, "attempt", "POST", 10 * number, "m", "", {}, asked.request),
            SpanEnd(asked.id, 10 * number + 5, "ok"),
            SpanEnd(llm, 10 * number + 5, "ok"),
        ]
        if result:
            tool = f"{number:08x}{1:08x}"
            attributes = {"gen_ai.tool.name": "read", "gen_ai.tool.call.result": result}
            events.append(SpanBegin(tool, f"{0:016x}", "tool", "read", 10 * number + 6, "m", "", attributes))
            events.append(SpanEnd(tool, 10 * number + 7, "ok"))
    return [*events, end(0)]


def texts_of(home: Path) -> list[tuple[object, ...]]:
    with Store(home).reading() as store:
        query = "SELECT r.name, count(*), max(length(m.text)) FROM messages m JOIN runs r ON r.id = m.run GROUP BY 1 ORDER BY 1"
        return store.execute(query).fetchall()


COLLECT = """
from tests.support.memory import peak_bytes
from tracekit.collect.collect import collect
report = collect()
print(report.warnings, peak_bytes())
"""


def test_a_heavy_run_is_collected_in_little_memory(home: Path) -> None:
    """Text that makes DuckDB spill to disk can be collected, and the store stays usable."""
    write_run(*calls([f"{number} " + "line of a log\n" * 350_000 for number in range(20)]), run=new_run("heavy"))
    on_disk = sum(path.stat().st_size for path in home.glob("runs/*/*"))
    assert on_disk > 90_000_000
    (small,) = write_runs(1)
    done = subprocess.run(
        [sys.executable, "-c", COLLECT],
        capture_output=True,
        text=True,
        check=True,
        env=environment(home),
        cwd=Path(__file__).parents[2],
    )
    warnings, _, peak = done.stdout.rpartition(" ")
    assert warnings == "[]"
    assert int(peak) < 2.5 * on_disk
    with Store(home).reading() as store:
        assert {run.id for run in queries.newest_runs(store)} > {small}
    assert next(row for row in texts_of(home) if row[0] == "heavy")[:2] == ("heavy", 20)
    rebuild()
    assert len(prune(max_bytes=10_000_000).removed) == 1


def test_long_texts_are_cut_and_the_tree_is_read_from_the_journal(home: Path) -> None:
    run = new_run("long")
    write_run(*calls(["x" * 250_000], result="y" * 150_000), run=run)
    collect()
    assert texts_of(home) == [("long", 1, 100_000 + len(" … 150000 more characters"))]
    with Store(home).reading() as store:
        (result,) = store.execute("SELECT result->>'$' FROM tools").fetchall()[0]
        assert result == f"{'y' * 10_000} … 140000 more characters"
        assert store.execute("SELECT exact FROM journal").fetchall() == [(False,)]


@pytest.mark.parametrize("at", ["first", "middle", "last"])
def test_a_run_that_cannot_be_stored_is_named_and_the_others_go_in(
    home: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    names = [f"run {number}" for number in range(5)]
    for name in names:
        write_run(*calls([name]), run=new_run(name))
    bad = {"first": "run 0", "middle": "run 2", "last": "run 4"}[at]

    def broken(run: Run) -> Iterator[MessageRow]:
        yield from messages_of(run)
        if run.name == bad:
            raise RuntimeError("no such thing")

    monkeypatch.setattr(rows, "messages_of", broken)
    report = collect()
    assert report is not None
    (warnings,) = report.warnings
    assert warnings.endswith("is left out: its journals do not make up a run: RuntimeError: no such thing")
    assert [row[0] for row in texts_of(home)] == [name for name in names if name != bad]
    with Store(home).reading() as store:
        assert store.execute("SELECT count(*) FROM message WHERE copy NOT IN (SELECT copy FROM run)").fetchone() == (0,)
        assert len(queries.problems(store)) == 1
    assert collect() is not None


def test_a_batch_that_cannot_be_written_is_written_run_by_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs of a batch go in together; if they cannot, the one at fault is found."""
    names = [f"run {number}" for number in range(4)]
    for name in names:
        write_run(*calls([name]), run=new_run(name))
    real = Writer._append

    def append(self: Writer) -> list[str]:
        if any("run 1" in row for row in self._batch["run"]):
            raise RowsError("this is too much")
        return real(self)

    monkeypatch.setattr(Writer, "_append", append)
    report = collect()
    assert report is not None
    assert [warnings.partition(": ")[2] for warnings in report.warnings] == ["this is too much"]
    assert [row[0] for row in texts_of(home)] == ["run 0", "run 2", "run 3"]

"""The store at a million spans: how fast it is filled, in how much memory, and what looking costs.

Three parts. *Rows*: the same rows through the store's writer and through DuckDB's bare appender in one transaction,
each in processes of their own that take turns; the goal is that the writer takes at most 1 / 0.7 of the appender's
time. *Journals*: a home of `--runs` runs of 102 spans each is collected from nothing: rate, peak memory, and the longest
time that readers were kept out. *Looks*, in fresh processes over that home: CPU time of `ls` after the interpreter's
start (goal 300 ms) and of one run of 102 spans (goal 50 ms after DuckDB is loaded).

Run it from the repository's folder: `python -m tests.bench.bench_store`; 10,000 runs take some minutes and 3 GB.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.bench.harness import Comparison, child, report, take_turns
from tests.support.runs import Team, new_run

TURNS, TEXT = 25, 600
SPANS = 4 * TURNS + 1


def templates(count: int) -> list[tuple[str, bytes]]:
    """Journals of `count` different runs, with their ids, made in a home that is thrown away."""
    from tracekit.journal.catalog import find_run
    from tracekit.journal.writer import JournalSink

    with tempfile.TemporaryDirectory() as folder:
        os.environ["TRACEKIT_HOME"] = folder
        sink, made = JournalSink(), []
        for number in range(count):
            run = new_run(f"job-{number % 7}")
            Team(sink, run, TURNS, text=TEXT).write()
            made.append((run.id, find_run(run.id).paths[0].read_bytes()))
    return made


def make_home(home: Path, runs: int) -> int:
    """Record `runs` runs by giving copies of a few new ids and times; returns the bytes of all."""
    made, size, now = templates(20), 0, time.time_ns()
    day = home / "runs" / time.strftime("%Y-%m-%d", time.gmtime())
    day.mkdir(parents=True)
    for number in range(runs):
        _, data = made[number % len(made)]
        header, _, rest = data.partition(b"\n")
        fields = json.loads(header)
        new = os.urandom(16).hex()
        fields.update(run=new, recorded_at_ns=now - (runs - number) * 1_000_000)
        text = json.dumps(fields, separators=(",", ":")).encode() + b"\n" + rest
        (day / f"{new}.host.{number + 1}.jsonl").write_bytes(text)
        size += len(text)
    return size


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def ingest(way: str, runs: int) -> None:
    """Put the same rows into a new store, and print microseconds a row."""
    from tracekit.analysis.structure import structure
    from tracekit.collect.rows import rows_of
    from tracekit.journal.reader import read_run
    from tracekit.model.columns import values_of
    from tracekit.store.rows import RunRows
    from tracekit.store.store import Store
    from tracekit.store.writer import Writer

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        made: list[RunRows] = []
        for id, data in templates(20):
            path.write_bytes(data)
            made.append(rows_of(id, structure(read_run([path])), [], [], "1", 0.0))
        rows = [made[number % len(made)] for number in range(runs)]
        store = Store(Path(folder))
        store.prepare()
        spans = [(number, *values_of(row)) for number, run in enumerate(rows) for row in run.spans]
        messages = [(number, *values_of(row)) for number, run in enumerate(rows) for row in run.messages]
        wall, cpu = time.perf_counter(), time.process_time()
        if way == "store":
            with Writer(store) as writer:
                for run in rows:
                    writer.add(run)
        else:
            import duckdb

            with duckdb.connect(str(store.path)) as connection:
                connection.execute("BEGIN")
                for table, values in (("span", spans), ("message", messages)):
                    with connection.appender(table) as appender:
                        appender.append_rows(values)
                connection.execute("COMMIT")
        count = len(spans) + len(messages)
        took = {"wall": time.perf_counter() - wall, "CPU": time.process_time() - cpu}
    print(json.dumps({name: value / count * 1e6 for name, value in took.items()}))


# ── journals and looks ───────────────────────────────────────────────────────────────────────────────────────────────


def collect_all() -> None:
    """Collect the home that the environment names, and print what it took."""
    from tracekit.collect.collect import collect
    from tracekit.journal.home import home
    from tracekit.store.store import Store

    wall, cpu = time.perf_counter(), time.process_time()
    done = collect()
    assert done is not None
    figures = {
        "spans": done.spans,
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        "longest_hold_ms": done.longest_hold_s * 1000,
        "store_mb": Store(home()).size / 1e6,
    }
    print(json.dumps(figures))


def look(what: str) -> None:
    """Look once, in this process, and print the milliseconds of CPU time and of wall time."""
    from tests.support.crowd import command

    arguments = {
        "ls": ["ls"],
        "unchanged": ["collect"],
        "sql": ["sql", "SELECT name, count(*), sum(calls) FROM runs GROUP BY 1"],
    }
    wall, cpu = time.perf_counter(), time.process_time()
    if what == "one run":
        import duckdb  # noqa: F401  loaded before the clock starts

        from tracekit.collect.scan import scan
        from tracekit.journal.home import home, runs_folder
        from tracekit.store.queries import stored_run
        from tracekit.store.store import Store

        found = scan(runs_folder())
        id = sorted(found)[len(found) // 3]
        wall, cpu = time.perf_counter(), time.process_time()
        with Store(home()).reading() as store:
            run = stored_run(store, id, found[id])
        assert run is not None
        assert sum(1 for _ in run.root.walk()) == SPANS
    else:
        code, _, err = command(arguments[what])
        assert code == 0, err
    print(json.dumps({"cpu": (time.process_time() - cpu) * 1000, "wall": (time.perf_counter() - wall) * 1000}))


def _self(*arguments: str, home: str = "") -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.bench_store", *arguments]
    return dict(child(command, {"TRACEKIT_HOME": home} if home else {}))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000, help="runs of the home (%(default)s)")
    parser.add_argument("--rounds", type=int, default=6, help="how often each way of ingesting takes its turn")
    parser.add_argument("--rows", type=int, default=1000, help="runs whose rows are ingested in a round")
    parser.add_argument("--home", help="a folder to make the home in, or to use as it is, and to keep")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        name, *values = options.part
        if name == "ingest":
            ingest(values[0], int(values[1]))
        elif name == "collect":
            collect_all()
        else:
            look(" ".join(values))
        return
    ways = {way: partial(_self, "--part", "ingest", way, str(options.rows)) for way in ("store", "appender")}
    measured = take_turns(ways, options.rounds)
    report("time of a row", "µs", measured, [Comparison("store", "appender", 1 / 0.7)], as_json=False)
    with tempfile.TemporaryDirectory() as folder:
        _whole(options.home or folder, options.runs)


def _whole(home: str, runs: int) -> None:
    if not (Path(home) / "runs").exists():
        size = make_home(Path(home), runs)
        print(f"{runs} runs, {size / 1e6:.0f} MB of journals")
    done = _self("--part", "collect", home=home)
    print({name: round(value, 1) for name, value in done.items()}, f"{done['spans'] / done['wall_s']:.0f} spans/s")
    for what in ("ls", "unchanged", "sql", "one run"):
        times = [_self("--part", "look", *what.split(), home=home) for _ in range(7)]
        cpu, wall = (statistics.median(each[kind] for each in times) for kind in ("cpu", "wall"))
        print(f"{what}: CPU {cpu:.0f} ms, wall {wall:.0f} ms (medians of {len(times)} fresh processes)")


if __name__ == "__main__":
    main()

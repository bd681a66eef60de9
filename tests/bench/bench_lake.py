"""A lake of many spans: CPU time of what `ls` and two queries do, against bare DuckDB over the same files.

A store is filled with `--runs` made runs of `--spans` spans each, and written to the lake by `--hosts` hosts in turn, until
there are `--total` spans. Then, in processes of their own that take turns, the newest 50 runs are listed (goal: at most
twice the CPU time of bare DuckDB, with the interpreter's start and imports in both), runs are counted by name, and tokens
of all calls are summed by agent.

Run it from the repository's folder: `python -m tests.bench.bench_lake --total 10000000`.
"""

import argparse
import json
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.bench.harness import Comparison, child, report, take_turns

NEWEST = "QUALIFY row_number() OVER (PARTITION BY id ORDER BY last_ns DESC, version DESC, copy DESC) = 1"
BY_NAME = "SELECT name, count(*), sum(cost_usd) FROM runs GROUP BY name ORDER BY name"
BY_AGENT = "SELECT agent, count(*), sum(output_tokens) FROM llm_calls GROUP BY agent ORDER BY agent"
DAY_NS = 86_400_000_000_000
BEGIN_NS = 1_790_000_000_000_000_000


def fill(folder: Path, host: int, runs: int, spans: int) -> None:
    """Make a store of `runs` runs of `spans` spans each, recorded over ten days."""
    from tracekit.model.columns import columns_of
    from tracekit.store.connect import memory
    from tracekit.store.schema import JOURNALS, RUNS, SPANS, TABLES
    from tracekit.store.store import Store
    from tracekit.store.views import sql_literal, sql_type

    store = Store(folder)
    store.prepare()
    start = f"({BEGIN_NS} + (n * 7919 % {runs}) * {10 * DAY_NS // runs})"
    span_start = f"{BEGIN_NS} + n * 1000000 + p * 1000"
    kinds = "(['turn', 'llm', 'attempt', 'tool'])[p % 4 + 1]"
    own = {
        RUNS: {
            "id": f"md5({host} || '-' || n)",
            "name": "'job-' || n % 20",
            "status": "'ok'",
            "recorded_at_ns": start,
            "start_ns": start,
            "end_ns": f"{start} + 60000000000",
            "last_ns": f"{start} + 60000000000",
            "spans": f"{spans}",
            "cost_usd": "n / 1000",
            "input_tokens": "n * 100",
            "output_tokens": "n * 10",
        },
        SPANS: {
            "id": "substr(md5(n || '-' || p), 1, 16)",
            "parent": "substr(md5(n || '-' || p // 2), 1, 16)",
            "depth": "3",
            "position": "p",
            "kind": kinds,
            "name": f"{kinds} || ' ' || p % 10",
            "agent": "'agent_' || (n + p // 4) % 12",
            "status": "'ok'",
            "start_ns": span_start,
            "end_ns": f"{span_start} + 900000",
            "input_tokens": "n % 1000 + p",
            "output_tokens": "p",
            "attributes": """'{"gen_ai.request.model": "claude-sonnet-4-5", "n": ' || n || '}'""",
        },
        JOURNALS: {"run": "n::VARCHAR", "copy": "n", "maker": "'bench'", "damage": "'[]'"},
    }
    connection = memory("1GiB", beside=store.path)
    with store.writing(connection):
        for table, sql in own.items():
            values = {
                column.name: sql.get(column.name, f"{sql_literal(column.empty)}::{sql_type(column)}")
                for column in columns_of(TABLES[table])
            }
            if table != JOURNALS:
                values = {"copy": "n", **values}
            source = f"range({runs}) r(n)" + (f", range({spans}) s(p)" if table == SPANS else "")
            chosen = ", ".join(f"{value} AS {name}" for name, value in values.items())
            connection.execute(f"INSERT INTO store.{table} BY NAME SELECT {chosen} FROM {source}")
    connection.close()


def make(lake: Path, total: int, hosts: int, spans: int) -> None:
    """Write `total` spans to `lake`, by `hosts` hosts, a tenth of those of a host at a time."""
    from tracekit.store.lake.lake import Lake
    from tracekit.store.lake.writer import write_lake
    from tracekit.store.store import Store

    parts = hosts * max(1, total // hosts // 500_000)
    begun, written = time.process_time(), 0
    for part in range(parts):
        with tempfile.TemporaryDirectory() as home:
            fill(Path(home), part, max(1, total // parts // spans), spans)
            began = time.process_time()
            written += write_lake(Store(Path(home)), Lake(str(lake)), f"host-{part % hosts}", part + 1).spans
            print(f"part {part + 1} of {parts}: {time.process_time() - began:.1f} s of CPU to write", file=sys.stderr)
    files = [path.stat().st_size for path in lake.rglob("*.parquet")]
    took = time.process_time() - begun
    print(
        f"{written:,} spans in {len(files)} files of {sum(files) / 1e6:,.0f} MB, {took:.0f} s of CPU", file=sys.stderr
    )


def look(way: str, lake: str) -> None:
    """Ask by one of the ways, and print milliseconds of CPU for each question, the start of the process with the first."""
    figures, last = {}, 0.0
    for name, ask in (
        ("ls", ls),
        ("runs by name", partial(query, BY_NAME)),
        ("calls by agent", partial(query, BY_AGENT)),
    ):
        ask(way, lake)
        now = time.process_time()
        figures[name], last = (now - last) * 1000, now
    print(json.dumps(figures))


def ls(way: str, lake: str) -> None:
    if way == "tracekit":
        from tracekit.collect.lake import list_lake
        from tracekit.store.filter import RunFilter

        assert len(list_lake(lake, 50, RunFilter())[0].runs) == 50
        return
    import duckdb

    runs = f"FROM (FROM read_parquet('{lake}/run/**/*.parquet') {NEWEST})"
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(f"SELECT count(*) {runs} WHERE replay_of IS NULL").fetchall()
        found = connection.execute(f"{runs} WHERE replay_of IS NULL ORDER BY recorded_at_ns DESC, id DESC LIMIT 50")
        assert len(found.fetchall()) == 50


def query(sql: str, way: str, lake: str) -> None:
    if way == "tracekit":
        from tracekit.store.ask import ask
        from tracekit.store.lake.lake import Lake

        assert ask(Lake(lake), sql, lambda result: list(result.rows))
        return
    import duckdb

    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(f"CREATE VIEW runs AS FROM read_parquet('{lake}/run/**/*.parquet') {NEWEST}")
        connection.execute(
            f"CREATE VIEW llm_calls AS SELECT s.* FROM runs r JOIN read_parquet('{lake}/span/**/*.parquet') s "
            "USING (copy) WHERE s.kind = 'llm'"
        )
        assert connection.execute(sql).fetchall()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--total", type=int, default=200_000, help="spans in the lake (%(default)s)")
    parser.add_argument("--spans", type=int, default=50, help="spans of a run (%(default)s)")
    parser.add_argument("--hosts", type=int, default=8, help="hosts that write (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each way takes its turn (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    parser.add_argument("--look", nargs=2, metavar=("WAY", "LAKE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.look:
        look(*options.look)
        return
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(folder) / "lake"
        make(lake, options.total, options.hosts, options.spans)
        ways = {
            way: partial(child, [sys.executable, "-m", "tests.bench.bench_lake", "--look", way, str(lake)])
            for way in ("tracekit", "bare DuckDB")
        }
        measured = take_turns(ways, options.rounds)
    goal = Comparison("tracekit", "bare DuckDB", 2.0, frozenset({"runs by name", "calls by agent"}))
    report(f"A lake of {options.total:,} spans", "ms of CPU", measured, [goal], as_json=options.json)


if __name__ == "__main__":
    main()

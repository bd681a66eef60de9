"""Search: 50 MB of content in many runs and in one, and filters over 10,000 runs.

Each figure is CPU time of this process, the median of `--rounds`, and a ratio to a bare scan: of the same table by DuckDB
without the store's locks and views, or of the same bytes by `in`. *content* is `said:` over a store of 50 MB, goal 1 s.
*run* is the first search in one run of 45 MB in the viewer, its index included, goal 1 s; *again* the next letter. *runs*
are filters over 10,000 runs, goal 2 s.

Run it from the repository's folder: `python -m tests.bench.bench_search`; making the homes takes a few minutes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.runs import write_runs

_TURNS, _TEXT, _RUNS = 25, 50_000, 20
_FILTERS = ("nonesuch", "status:error cost>1 since:7d", "agent:lead tool:read model:sonnet", "said:nonesuch")


def _cpu_ms(work: Callable[[], object], rounds: int) -> float:
    took = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        took.append((time.process_time() - began) * 1000)
    return statistics.median(took)


def _bare(home: Path, query: str) -> Callable[[], Any]:
    import duckdb

    return lambda: duckdb.connect(str(home / "store.duckdb"), read_only=True).execute(query).fetchall()


def _line(name: str, ms: float, bare_ms: float, goal_ms: float, bare: str) -> None:
    verdict = "met" if ms <= goal_ms else "MISSED"
    print(f"{name:<46} {ms:8.1f} ms  goal {goal_ms:.0f}: {verdict};  {ms / max(bare_ms, 0.1):5.1f} × {bare}")


def _over_runs(
    home: Path, runs: int, turns: int, text: int, filters: tuple[str, ...], goal_ms: float, rounds: int
) -> None:
    from tracekit.collect.collect import collect
    from tracekit.collect.search import search_runs
    from tracekit.store.filter import parse_filter

    os.environ["TRACEKIT_HOME"] = str(home)
    write_runs(runs, turns, text=text)
    collect()
    bare_ms = _cpu_ms(_bare(home, "SELECT count(*) FROM message WHERE contains(text, 'nonesuch')"), rounds)
    for wanted in filters:
        ms = _cpu_ms(lambda wanted=wanted: search_runs(parse_filter(wanted)), rounds)  # type: ignore[misc]
        _line(f"{runs:,} runs: {wanted}", ms, bare_ms, goal_ms, "a bare scan of all messages")


def _in_one_run(home: Path, rounds: int) -> None:
    from tracekit.collect.content import ContentIndex
    from tracekit.collect.look import find, read_entry

    os.environ["TRACEKIT_HOME"] = str(home)
    (id,) = write_runs(1, _TURNS, text=1_000_000)
    run = read_entry(find(id))
    content = b"".join(path.read_bytes() for path in home.glob("runs/*/*.jsonl"))
    bare_ms = _cpu_ms(lambda: b"nonesuch" in content, rounds)
    _line("run: index and search", _cpu_ms(lambda: ContentIndex(run).find("nonesuch"), rounds), bare_ms, 1000, "`in`")
    index = ContentIndex(run)
    _line("run: again", _cpu_ms(lambda: index.find("nonesuch"), rounds), bare_ms, 1000, "`in`")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--runs", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        homes = [Path(folder) / name for name in ("content", "one", "many")]
        for home in homes:
            home.mkdir()
        _in_one_run(homes[1], options.rounds)
        _over_runs(homes[0], _RUNS, _TURNS, _TEXT, ("said:nonesuch",), 1000, options.rounds)
        _over_runs(homes[2], options.runs, 1, 200, _FILTERS, 2000, options.rounds)


if __name__ == "__main__":
    main()

"""Eight processes that record 200 runs each while eight processes read.

No reader waits more than a second, and nothing is lost or recorded twice.

Run it from the repository's folder: `python -m tests.bench.bench_crowd`; it takes some two minutes.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.support.cli import environment
from tests.support.crowd import crowd


def main() -> None:
    """Start all processes, and check their results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--runs", type=int, default=200, help="runs of each writer (%(default)s)")
    parser.add_argument("--pace", type=float, default=0.2, help="seconds between a writer's runs (%(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["TRACEKIT_HOME"] = home
        begin = time.monotonic()
        seen = crowd(
            environment(Path(home)),
            writers=options.writers,
            runs=options.runs,
            readers=options.readers,
            pace_s=options.pace,
        )
        took_s = time.monotonic() - begin
        from tracekit.collect.collect import collect
        from tracekit.store.store import Store

        done = collect()
        with Store(Path(home)).reading() as store:
            ids = [id for (id,) in store.execute("SELECT id FROM runs").fetchall()]
            torn = store.execute("SELECT run FROM spans GROUP BY run HAVING count(*) <> 13").fetchall()
            rows = store.execute("SELECT count(*) FROM span").fetchone()
    print(f"{len(seen.written)} runs in {took_s:.0f} s, {seen.looks} looks, load {os.getloadavg()[0]:.1f}")
    print(f"longest wait for the store {seen.longest_wait_s * 1000:.0f} ms, longest look {seen.longest_look_s:.2f} s")
    faults = {
        "complaints": seen.complaints,
        "lost": set(seen.written) - set(ids),
        "twice": len(ids) - len(set(ids)),
        "foreign": set(ids) - set(seen.written),
        "torn": torn,
        "rows": [] if rows == (13 * len(ids),) else rows,
        "waits of more than a second": seen.longest_wait_s > 1,
    }
    print(f"after them {done.collected if done else '?'} runs were left to collect")
    for name, found in faults.items():
        print(f"{name}: {found or 'none'}")
    sys.exit(any(faults.values()))


if __name__ == "__main__":
    main()

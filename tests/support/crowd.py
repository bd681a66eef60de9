"""Many processes record while many others look: what the test does small, and the benchmark in full.

As a program: ``crowd.py write RUNS TURNS PACE`` records, and tells the ids; ``crowd.py look UNTIL_FILE`` loops over `ls`,
`show` and `sql` until the file is there, and tells how long it waited for the store.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent


@dataclass
class Crowd:
    """The measurements, with times in seconds."""

    written: list[str]
    looks: int
    longest_wait_s: float
    longest_look_s: float
    waited_s: float
    looked_s: float
    complaints: list[str]


def crowd(env: dict[str, str], *, writers: int, runs: int, readers: int, turns: int = 3, pace_s: float = 0.0) -> Crowd:
    """Let `writers` processes record `runs` runs each, every `pace_s` seconds, while `readers` processes look."""
    with tempfile.TemporaryDirectory() as folder:
        end = Path(folder) / "end"
        looking = [_start(env, "look", str(end)) for _ in range(readers)]
        writing = [_start(env, "write", str(runs), str(turns), str(pace_s)) for _ in range(writers)]
        written, complaints = [], []
        for process in writing:
            out, err = process.communicate()
            written += out.split()
            complaints += err.splitlines() + [f"exit {process.returncode}"] * (process.returncode != 0)
        end.touch()
        looks, waits, times = 0, [0.0], [0.0]
        for process in looking:
            out, err = process.communicate()
            complaints += err.splitlines() + [f"exit {process.returncode}"] * (process.returncode != 0)
            nothing: dict[str, Any] = {"looks": 0, "waits": [0.0], "times": [0.0], "complaints": []}
            told = json.loads(out.splitlines()[-1]) if out else nothing
            looks += told["looks"]
            waits += told["waits"]
            times += told["times"]
            complaints += told["complaints"]
    return Crowd(written, looks, max(waits), max(times), sum(waits), sum(times), complaints)


def _start(env: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, __file__, *arguments],
        env={**env, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# ── the processes ────────────────────────────────────────────────────────────────────────────────────────────────────


def _write(runs: int, turns: int, pace_s: float) -> None:
    from tests.support.runs import write_runs

    for _ in range(runs):
        print(*write_runs(1, turns))
        time.sleep(pace_s)


def _look(end: Path) -> None:
    from tracekit.collect import look
    from tracekit.store.locks import Locks

    # However few runs there are: it is the store that is looked at here.
    look._FEW_FILES = 0
    waits, times, complaints = [0.0], [0.0], []
    real = Locks.reading

    @contextlib.contextmanager
    def reading(self: Locks, patience_s: float = 30.0) -> Iterator[None]:
        begin = time.monotonic()
        with real(self, patience_s):
            waits.append(time.monotonic() - begin)
            yield

    Locks.reading = reading  # type: ignore[method-assign]
    while not end.exists() or len(times) <= _LEAST_LOOKS:
        begin = time.monotonic()
        problem = _one_look(len(times))
        times.append(time.monotonic() - begin)
        complaints += [problem] if problem else []
    print(json.dumps({"looks": len(times) - 1, "waits": waits, "times": times, "complaints": complaints}))


_LEAST_LOOKS = 6
"""However late the machine lets a reader begin."""

_QUERY = "SELECT id, (SELECT count(*) FROM spans WHERE run = runs.id), spans FROM runs"


def _one_look(number: int) -> str:
    """Look once; what is wrong with what was seen."""
    arguments = [["ls", "--format", "json"], ["show", "--format", "json"], ["sql", "--format", "json", _QUERY]][
        number % 3
    ]
    code, out, err = command(arguments)
    if code != 0:
        return "" if "there is no run 'last'" in err or "nothing is recorded yet" in err else f"{arguments[0]}: {err}"
    data = json.loads(out)
    if arguments[0] == "show":
        return ""
    ids = [run["id"] for run in data]
    if len(set(ids)) < len(ids):
        return f"{arguments[0]}: a run is there twice"
    torn = [row for row in data if arguments[0] == "sql" and len(set(list(row.values())[1:])) > 1]
    return f"a run is seen in part: {torn[:2]}" if torn else ""


def command(arguments: list[str]) -> tuple[int, str, str]:
    """Run `tracekit` in this process: its exit code and what it said."""
    from tracekit.cli.main import cli
    from tracekit.errors import TracekitError

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli(arguments, standalone_mode=False)
        except TracekitError as error:
            return 2, "", str(error)
    return 0, out.getvalue(), err.getvalue()


if __name__ == "__main__":
    if sys.argv[1] == "write":
        _write(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
    else:
        _look(Path(sys.argv[2]))
    sys.stdout.flush()
    os._exit(0)

"""The list of runs over a store of a million spans in 10,000 runs: opening, widening, pressing a key.

In fresh processes, each on a terminal of its own that is read all the time, by CPU time of the whole process:
*opens*: from the start of the empty screen until the newest runs are drawn, which takes DuckDB in; goal 300 ms.
*bare*: the same for an application that draws one line of text and nothing else, for comparison.
*all*: from a filter's first letter until all 10,000 are listed and filtered. *key*: a step down the whole list.

Run it from the repository's folder: `python -m tests.bench.bench_runs`; making the home takes ten minutes and 3 GB.
`--home FOLDER` keeps it, or uses it as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.bench_follow import terminal
from tests.bench.bench_store import make_home
from tests.bench.harness import child

_GOAL_MS = 300.0
_KEYS = 200


def look(report: Path, *, is_bare: bool) -> None:
    """Open the list once, in this process, and write down the milliseconds of CPU time."""
    from textual import events
    from textual.app import App, ComposeResult
    from textual.widgets import Static
    from tracekit_viewer.app import Viewer
    from tracekit_viewer.screens.runs import RunsScreen
    from tracekit_viewer.widgets.runs_list import RunsList

    started = time.process_time()
    took: dict[str, float] = {}

    def lap(name: str) -> None:
        nonlocal started
        took[name] = (time.process_time() - started) * 1000
        started = time.process_time()

    class Bare(App[None]):
        def compose(self) -> ComposeResult:
            yield Static("a line")

        def on_mount(self) -> None:
            self.call_after_refresh(self._drawn)

        def _drawn(self) -> None:
            lap("opens")
            self.exit()

    class Watched(Viewer):
        def on_mount(self) -> None:
            self.set_interval(0.05, self._when_filled)

        def _rows(self) -> int:
            return len(self.screen.query_one(RunsList)._runs)

        def _when_filled(self) -> None:
            assert isinstance(self.screen, RunsScreen)
            if "opens" not in took and self._rows():
                self.call_after_refresh(self._opened)

        def _opened(self) -> None:
            if "opens" in took:
                return
            lap("opens")
            for key in ("slash", "j"):
                self.post_message(events.Key(key, "/" if key == "slash" else key))
            self.set_interval(0.05, self._when_wide)

        def _when_wide(self) -> None:
            if "all" not in took and self._rows() > 5000:
                lap("all")
                self.call_later(self._press)

        async def _press(self) -> None:
            table = self.screen.query_one(RunsList)
            table.focus()
            for _ in range(_KEYS):
                table.action_move(7)
                self.screen._on_timer_update()
            lap("keys")
            took["key"] = took.pop("keys") / _KEYS
            self.exit()

    (Bare() if is_bare else Watched()).run()
    report.write_text(json.dumps(took))


def open_once(home: str, *flags: str) -> dict[str, float]:
    """The figures of one fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        report, said = Path(folder) / "report.json", list[bytes]()
        command = [sys.executable, "-m", "tests.bench.bench_runs", "--look", str(report), *flags]
        environment = {**os.environ, "TRACEKIT_HOME": home, "TERM": "xterm-256color"}
        process, _ = terminal(command, environment, (120, 40), said)
        process.wait(120)
        if not report.exists():
            sys.exit(f"it ended without a report: {b''.join(said)[-3000:].decode(errors='replace')}")
        figures: dict[str, float] = json.loads(report.read_text())
        return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--home", help="a folder to make the home in, or to use as it is, and to keep")
    parser.add_argument("--look", help=argparse.SUPPRESS)
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.look:
        look(Path(options.look), is_bare=options.bare)
        return
    with tempfile.TemporaryDirectory() as folder:
        home = options.home or folder
        if not (Path(home) / "runs").exists():
            make_home(Path(home), options.runs)
            child([sys.executable, "-m", "tests.bench.bench_store", "--part", "collect"], {"TRACEKIT_HOME": home})
        rounds = [(open_once(home), open_once(home, "--bare")) for _ in range(options.rounds)]
    opens = statistics.median(each["opens"] for each, _ in rounds)
    bare = statistics.median(each["opens"] for _, each in rounds)
    verdict = "met" if opens <= _GOAL_MS else "MISSED"
    print(f"medians of {options.rounds} rounds, CPU time; load {os.getloadavg()[0]:.1f}")
    print(f"opens: {opens:.0f} ms  goal {_GOAL_MS:.0f}: {verdict}; bare {bare:.0f} ms; ratio {opens / bare:.1f}")
    for name in ("all", "key"):
        print(f"{name}: {statistics.median(each[name] for each, _ in rounds):.1f} ms")


if __name__ == "__main__":
    main()

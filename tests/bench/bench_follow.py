"""The viewer while it follows a live run of streaming subagents: its CPU time, and the deltas that it shows.

Three processes: a program whose `--agents` subagents each receive `--rate` deltas a second for `--seconds`, the
scripted Claude that sends them (this one), and the real viewer on a terminal of its own, which follows the newest
span. Measured is the viewer's CPU time from its first picture until the run's end, against the time that went by; the
goal is half a core. Then every delta of every agent must stand in the run that the viewer shows, in order.

`--bare` follows with the reader and the tree alone, without a screen: the part that is not the screen's.

Run it from the repository's folder: `python -m tests.bench.bench_follow`.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

from tests.support.cli import environment
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, message, stream, text, tool_use

_GOAL = 0.5
_PROGRAM = Path(__file__).parents[1] / "programs" / "streaming.py"


def words(agent: str, many: int) -> str:
    """Return an agent's text as distinct deltas of one word."""
    return " ".join(f"{agent}-{number}" for number in range(many))


def respond(asked: ReceivedRequest, agents: int, many: int, rate: float) -> ScriptedResponse:
    """The lead asks all workers at once; each of them streams its words."""
    body = asked.json()
    if body.get("tools"):
        if len(body["messages"]) > 1:
            return stream(message(text("Done.")))
        blocks = [tool_use(f"worker_{number}", {"task": f"w{number}"}) for number in range(agents)]
        return stream(message(*blocks))
    name = next(f"w{number}" for number in range(agents) if f"w{number}" in json.dumps(body["messages"]))
    return stream(message(text(words(name, many))), gap_s=1 / rate)


# ── the process that looks ───────────────────────────────────────────────────────────────────────────────────────────


def look(run: str, report: Path, *, is_bare: bool) -> None:
    """Follow `run` until it has ended, and write down what that took and what is there."""
    from tracekit_viewer.app import Viewer
    from tracekit_viewer.screens.run import RunScreen
    from tracekit_viewer.source import Followed

    if is_bare:
        source, shown = Followed(run), None
        began = _Began()
        while source.live:
            shown = source.poll() or shown
            if shown is not None and shown.root.end_ns is not None:
                break
            time.sleep(source.pause_s)
        began.write(report, shown)
        return

    class Watched(Viewer):
        def on_mount(self) -> None:
            self.set_timer(1.0, self._begin_to_measure)

        def _begin_to_measure(self) -> None:
            self._measured_since = _Began()
            self.set_interval(1.0, self._look_for_end)

        def _look_for_end(self) -> None:
            screen = self.screen
            assert isinstance(screen, RunScreen)
            run = screen._run
            if run is not None and run.root.end_ns is not None:
                self._measured_since.write(report, run)
                self.exit()

    Watched(run).run()


class _Began:
    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def write(self, report: Path, run: object) -> None:
        from tracekit.model.messages import answer_of
        from tracekit.model.tree import Run

        cpu, wall = time.process_time() - self._cpu, time.monotonic() - self._wall
        assert isinstance(run, Run)
        said = [answer_of(each.body, "text/event-stream").message for each in run.recording.exchanges.values()]
        texts = [block.get("text", "") for each in said if each for block in each["content"]]
        report.write_text(json.dumps({"cpu": cpu, "wall": wall, "texts": texts, "status": run.status}))


# ── the process that measures ────────────────────────────────────────────────────────────────────────────────────────


def terminal(
    command: list[str], env: dict[str, str], size: tuple[int, int], said: list[bytes]
) -> tuple[subprocess.Popen[bytes], int]:
    """Start `command` on a terminal of `size` columns and rows; all of its output is appended to `said`."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    process = subprocess.Popen(command, env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)

    def drain() -> None:
        while process.poll() is None:
            if select.select([ours], [], [], 0.5)[0]:
                try:
                    said.append(os.read(ours, 1 << 16))
                except OSError:
                    return

    threading.Thread(target=drain, daemon=True).start()
    return process, ours


def main() -> None:
    """Measure, check and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=8)
    parser.add_argument("--rate", type=float, default=50.0, help="deltas a second of each agent (%(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--size", default="120x40", help="columns and rows of the terminal (%(default)s)")
    parser.add_argument("--bare", action="store_true", help="without a screen")
    parser.add_argument("--look", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.look:
        look(options.look[0], Path(options.look[1]), is_bare=options.bare)
        return
    many = round(options.rate * options.seconds)
    with (
        tempfile.TemporaryDirectory() as home,
        ScriptedClaude(lambda asked: respond(asked, options.agents, many, options.rate)) as claude,
    ):
        env = environment(Path(home), claude.url)
        program = subprocess.Popen([sys.executable, str(_PROGRAM), str(options.agents)], env=env)
        run = _first_run(Path(home))
        report = Path(home) / "report.json"
        command = [sys.executable, "-m", "tests.bench.bench_follow", "--look", run, str(report)]
        columns, rows = map(int, options.size.split("x"))
        said: list[bytes] = []
        env["TERM"] = "xterm-256color"
        viewer, keys = terminal(command + ["--bare"] * options.bare, env, (columns, rows), said)
        time.sleep(3)
        os.write(keys, b"f")
        assert program.wait() == 0
        viewer.wait(30)
        if not report.exists():
            sys.exit(f"the viewer ended without a report: {b''.join(said)[-3000:].decode(errors='replace')}")
        print(f"{sum(map(len, said)) / 1000:.0f} kB were written to its terminal")
        _tell(json.loads(report.read_text()), [words(f"w{number}", many) for number in range(options.agents)])


def _first_run(home: Path) -> str:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for path in home.glob("runs/*/*.jsonl"):
            return path.name.partition(".")[0]
        time.sleep(0.05)
    sys.exit("nothing was recorded within 30 s")


def _tell(seen: dict[str, object], expected: list[str]) -> None:
    cpu, wall, texts = seen["cpu"], seen["wall"], seen["texts"]
    assert isinstance(cpu, float)
    assert isinstance(wall, float)
    assert isinstance(texts, list)
    missing = [said[:12] for said in expected if said not in texts]
    deltas = sum(len(said.split()) for said in texts)
    share = cpu / wall
    print(f"{deltas} deltas in {wall:.1f} s, run {seen['status']}; load {os.getloadavg()[0]:.1f}")
    print(f"viewer: {cpu:.1f} s of CPU, {share:.2f} of a core  goal {_GOAL}: {'met' if share <= _GOAL else 'MISSED'}")
    print(f"every delta is there, in order: {'NO, not of ' + str(missing) if missing else 'yes'}")
    sys.exit(bool(missing) or share > _GOAL)


if __name__ == "__main__":
    main()

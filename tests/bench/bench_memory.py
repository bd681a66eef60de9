"""Memory and CPU time of recording and reading very long texts.

Recording: 20,000 calls of 50 kB in a run, and 300 runs of 6 calls of 1 MB that end, with tracekit and without. Reading:
`show`, `check` and `collect` of 1,000 turns over a document of 500 kB, and `collect` of a run of 400 MB, against
`json.loads` of the same files, line by line. Each in a process of its own.

Run it from the repository's folder: `python -m tests.bench.bench_memory`; `--scale 0.1` makes all of it smaller.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.harness import Comparison, Figures, child, report, take_turns

_LOG_LINE = "line of a log file, number 12345\n"
_ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5",
    "content": [{"type": "text", "text": "Fine, on with it."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each variant takes its turn (%(default)s)")
    parser.add_argument("--scale", type=float, default=1.0, help="so much of each size (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tracekit-bench-", dir="/var/tmp") as folder:
        long, heavy = Path(folder, "long"), Path(folder, "heavy")
        _child("write-long", long, options.scale)
        _child("write-heavy", heavy, options.scale)
        variants: dict[str, Callable[[], Figures]] = {
            "recorded": partial(_recording, Path(folder, "recorded"), options.scale, is_on=True),
            "not recorded": partial(_recording, Path(folder, "off"), options.scale, is_on=False),
            "tracekit": partial(_reading, long, heavy),
            "json.loads": partial(_baseline, long, heavy),
        }
        measured = take_turns(variants, options.rounds)
    comparisons = [Comparison("recorded", "not recorded"), Comparison("tracekit", "json.loads")]
    report("Memory", "MB at most, ms of CPU", measured, comparisons, as_json=options.json)


def _child(what: str, home: Path, scale: float, *, is_on: bool = True) -> Figures:
    environment = {"TRACEKIT_HOME": str(home), **({} if is_on else {"TRACEKIT_DISABLED": "1"})}
    return child([sys.executable, "-m", "tests.bench.bench_memory", what, str(scale)], environment)


def _recording(home: Path, scale: float, *, is_on: bool) -> Figures:
    figures: dict[str, float] = {}
    for what in ("calls", "runs"):
        figures |= _child(what, home, scale, is_on=is_on)
    subprocess.run(["rm", "-rf", str(home)], check=True)
    return figures


def _reading(long: Path, heavy: Path) -> Figures:
    figures: dict[str, float] = {}
    for name, home, commands in (("long", long, ("show", "check", "collect")), ("heavy", heavy, ("collect", "check"))):
        for command in commands:
            for store in home.glob("store*"):
                store.unlink()
            target = [] if command == "collect" else [str(_journal(home))]
            figures |= _measured(f"{name}: {command}", [sys.executable, "-m", "tracekit", command, *target], home)
    return figures


def _baseline(long: Path, heavy: Path) -> Figures:
    figures: dict[str, float] = {}
    code = "import json, sys\nfor line in open(sys.argv[1], 'rb'): json.loads(line)"
    for name, home, commands in (("long", long, ("show", "check", "collect")), ("heavy", heavy, ("collect", "check"))):
        figures_of = _measured("", [sys.executable, "-c", code, str(_journal(home))], home)
        figures |= {f"{name}: {command}{row}": value for command in commands for row, value in figures_of.items()}
    return figures


def _journal(home: Path) -> Path:
    return max(home.glob("runs/*/*.jsonl"), key=lambda path: path.stat().st_size)


def _measured(name: str, command: list[str], home: Path) -> Figures:
    """The figures of `command`, measured by a small process of its own, since a child inherits its parent's peak."""
    code = (
        "import json, resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "sys.exit(done.returncode) if done.returncode > 1 else None\n"
        "print(json.dumps([used.ru_maxrss / 1000, (used.ru_utime + used.ru_stime) * 1000]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        check=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "TRACEKIT_HOME": str(home)},
    )
    memory, cpu = json.loads(done.stdout)
    return {f"{name} MB": memory, f"{name} CPU ms": cpu}


# ── in the children ──────────────────────────────────────────────────────────────────────────────────────────────────


def _program(what: str, scale: float) -> None:
    import anthropic
    import httpx2

    import tracekit

    tracekit.init()

    def answer(request: httpx2.Request) -> httpx2.Response:
        request.read()
        return httpx2.Response(200, json=_ANSWER)

    client = anthropic.Anthropic(
        api_key="none", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)), max_retries=0
    )

    def ask(messages: list[dict[str, Any]]) -> None:
        client.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=messages)  # type: ignore[arg-type]

    def say(text: str) -> None:
        ask([{"role": "user", "content": text}])

    say("hello")
    begin = resource.getrusage(resource.RUSAGE_SELF)
    before = _resident()
    name = {"calls": "20,000 calls of 50 kB", "runs": "300 runs of 6 x 1 MB"}.get(what, what)
    _TASKS[what](tracekit.run, ask, say, scale)
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime - begin.ru_utime - begin.ru_stime
    held = max(1.0, _resident() - before)
    print(json.dumps({f"{name}: held MB": held, f"{name}: all MB": _resident(), f"{name}: CPU ms": cpu * 1000}))


_Run = Callable[[str], AbstractContextManager[object]]
_Ask = Callable[[list[dict[str, Any]]], None]
_Say = Callable[[str], None]


def _calls(run: _Run, _ask: _Ask, say: _Say, scale: float) -> None:
    with run("calls"):
        for number in range(int(20_000 * scale)):
            say(f"{number} " + "x" * 50_000)


def _runs(run: _Run, _ask: _Ask, say: _Say, scale: float) -> None:
    for number in range(int(300 * scale)):
        with run(f"run {number}"):
            for turn in range(6):
                say(f"{number} {turn} " + "x" * 1_000_000)


def _long(run: _Run, ask: _Ask, _say: _Say, scale: float) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "document text line\n" * 26_315}]
    with run("long"):
        for turn in range(int(1_000 * scale)):
            ask(messages)
            messages.append({"role": "assistant", "content": "Fine, on with it."})
            messages.append({"role": "user", "content": f"turn {turn} " + "tool output word " * 120})


def _heavy(run: _Run, _ask: _Ask, say: _Say, scale: float) -> None:
    with run("heavy"):
        for number in range(int(80 * scale)):
            say(f"{number} " + _LOG_LINE * 151_515)


_TASKS: dict[str, Callable[[_Run, _Ask, _Say, float], None]] = {
    "calls": _calls,
    "runs": _runs,
    "write-long": _long,
    "write-heavy": _heavy,
}


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 1e6


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in _TASKS:
        _program(sys.argv[1], float(sys.argv[2]))
    else:
        main()

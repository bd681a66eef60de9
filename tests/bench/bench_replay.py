"""The cost of a replayed call, and of opening a recording.

A call in a replay against one that a bare `httpx2.MockTransport` answers (goal 1.5), and against vcrpy matching on the
body among 200 recorded calls (goal 1/20); opening a recording of 5 MB against `json.loads` of its lines (goal 2). All are
CPU times, each in a process of its own; the answers are the same bytes everywhere.

Run it from the repository's folder: `python -m tests.bench.bench_replay`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.bench.harness import Comparison, Figures, arguments, child, report, take_turns

CALLS = 200
WARM = 20
PADDING = "word " * 400
"""About 2 kB a request, as a short task has."""
BIG, TURNS, TURN_BYTES = 5_000_000, 10, 13_000
"""A run of so many bytes, of conversations of so many turns, each of which adds about so many."""


def request(number: int) -> Any:
    """The request of one call, none like another."""
    content = f"{number}: {PADDING}"
    return {"model": "claude-sonnet-5", "max_tokens": 100, "messages": [{"role": "user", "content": content}]}


def answer() -> bytes:
    """The response to each call."""
    from tracekit.demo.claude import message, text

    return message(text("An answer of some words. " * 20)).body


# ── what the processes do ────────────────────────────────────────────────────────────────────────────────────────────


def ask_all(client: Any) -> float:
    """Microseconds of the processor a call, after some to warm up."""
    for number in range(WARM):
        client.messages.create(**request(number))
    began = time.process_time_ns()
    for number in range(WARM, CALLS):
        client.messages.create(**request(number))
    return (time.process_time_ns() - began) / 1000 / (CALLS - WARM)


def mock(_: Path) -> Figures:
    """The SDK on a transport that answers at once."""
    import anthropic
    import httpx2

    body = answer()
    transport = httpx2.MockTransport(
        lambda asked: httpx2.Response(200, headers={"content-type": "application/json"}, content=body)
    )
    with anthropic.Anthropic(api_key="test", http_client=httpx2.Client(transport=transport)) as client:
        return {"call": ask_all(client)}


def replay(folder: Path) -> Figures:
    """The SDK in a replay."""
    import anthropic

    import tracekit

    with tracekit.replay(folder / "calls.jsonl"), tracekit.run("bench"), anthropic.Anthropic(api_key="test") as client:
        return {"call": ask_all(client)}


def vcrpy(folder: Path) -> Figures:
    """The SDK on vcrpy."""
    import anthropic

    vcr: Any = import_module("vcr")
    url = (folder / "url").read_text()
    player = vcr.VCR(record_mode=vcr.mode.NONE, match_on=["method", "uri", "body"])
    with player.use_cassette(str(folder / "calls.yaml")), anthropic.Anthropic(api_key="test", base_url=url) as client:
        return {"call": ask_all(client)}


def opening(folder: Path) -> Figures:
    """From the file to the first request."""
    from tracekit.journal.reader import read_run
    from tracekit.replayer.keys import Keys
    from tracekit.replayer.matcher import Matcher
    from tracekit.replayer.progress import Progress
    from tracekit.replayer.script import Script

    def opened() -> Matcher:
        script = Script(read_run([folder / "big.jsonl"], is_lazy=True), Keys())
        return Matcher(script, Progress(script))

    return {"open": _timed(opened)}


def loading(folder: Path) -> Figures:
    """The lines of the same file as JSON."""
    return {"open": _timed(lambda: [json.loads(line) for line in (folder / "big.jsonl").read_bytes().splitlines()])}


def _timed(work: Callable[[], Any]) -> float:
    best = float("inf")
    for _ in range(3):
        began = time.process_time_ns()
        work()
        best = min(best, (time.process_time_ns() - began) / 1000)
    return best


# ── what they have before them ───────────────────────────────────────────────────────────────────────────────────────


def prepare(folder: Path) -> Figures:
    """Record the calls, for both; and a run of 5 MB whose histories grow, as agents' do."""
    import anthropic

    import tracekit
    from tests.support.cli import tracekit as command
    from tracekit.demo.claude import ScriptedClaude, ScriptedResponse

    vcr: Any = import_module("vcr")
    tracekit.init()
    body = answer()
    player = vcr.VCR(record_mode=vcr.mode.ALL, match_on=["method", "uri", "body"])
    with ScriptedClaude(lambda _: ScriptedResponse(body=body)) as claude:
        (folder / "url").write_text(claude.url)
        client = anthropic.Anthropic(api_key="test", base_url=claude.url)
        with player.use_cassette(str(folder / "calls.yaml")), tracekit.run("bench"):
            ask_all(client)
        with tracekit.run("big"), client:
            for conversation in range(BIG // TURNS // TURN_BYTES):
                messages: list[Any] = []
                for turn in range(TURNS):
                    messages.append({"role": "user", "content": f"{conversation}.{turn}: {PADDING * 5}"})
                    client.messages.create(model="claude-sonnet-5", max_tokens=100, messages=messages)
                    messages.append({"role": "assistant", "content": "An answer of some words. " * 20})
    for name, file in (("bench", "calls.jsonl"), ("big", "big.jsonl")):
        command("export", name, "-o", str(folder / file), env=dict(os.environ))
    return {"size": (folder / "big.jsonl").stat().st_size}


VARIANTS: dict[str, Callable[[Path], Figures]] = {
    "mock transport": mock,
    "replay": replay,
    "vcrpy": vcrpy,
    "opening": opening,
    "json.loads": loading,
}


def run(name: str, folder: Path) -> Figures:
    """Return the measurements of the process `name`."""
    return child(
        [sys.executable, "-m", "tests.bench.bench_replay", "--do", name, str(folder)],
        {"TRACEKIT_HOME": str(folder / "home")},
    )


def main() -> None:
    """Measure and print."""
    if "--do" in sys.argv:
        name, given = sys.argv[2:4]
        print(json.dumps({**VARIANTS, "prepare": prepare}[name](Path(given))))
        return
    options = arguments(__doc__, rounds=10)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        size = run("prepare", folder)["size"]
        measured = take_turns({name: partial(run, name, folder) for name in VARIANTS}, options.rounds)
    comparisons = [
        Comparison("replay", "mock transport", 1.5),
        Comparison("replay", "vcrpy", 1 / 20),
        Comparison("opening", "json.loads", 2),
    ]
    report(f"CPU time of a call, and to open {size / 1e6:.1f} MB", "µs", measured, comparisons, as_json=options.json)


if __name__ == "__main__":
    main()

"""The detail pane on a long conversation: the time to open it, follow its growth, and page through it.

One call whose request holds `--turns` turns (5.5 MB by default) and whose answer is one line of 10 MB. The baseline of
each ratio is what nobody can do without: parsing that request once as JSON. Seconds of CPU, the best of five.

Run it from the repository's folder: `python -m tests.bench.bench_detail`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from textual.app import App, ComposeResult
from tracekit_viewer.widgets.detail import DetailPane
from tracekit_viewer.widgets.document import Document
from typing_extensions import override

from tests.support.build import Builder, assistant, result, said, use, user
from tracekit.analysis.structure import structure
from tracekit.model.tree import Node, Run

_SIZE = (120, 40)


def conversation(turns: int) -> tuple[Run, Node, bytes]:
    """A run whose last call sends so many turns, that call, and its request."""
    b = Builder()
    b.agent("lead", 0, 20 * turns)
    messages = [user("do it " * 50)]
    for number in range(turns):
        blocks = [said(f"I read file {number}. " + "word " * 200), use(f"t{number}", "read_file", path=f"f{number}.py")]
        if number == turns - 1:
            b.call("before", 10, 20, messages, blocks, parent="lead")
        messages = [*messages, assistant(*blocks), user([result(f"t{number}", "line of code\n" * 300)])]
    b.call("last", 30, 40, messages, [said("x" * 10_000_000)], parent="lead")
    run = structure(b.recording())
    last = next(node for node in run.root.walk() if node.id == "last")
    return run, last, run.recording.exchanges["last-a"].request.body or b""


class _Host(App[None]):
    @override
    def compose(self) -> ComposeResult:
        yield DetailPane()


def cpu(act: Callable[[], Any]) -> float:
    """Seconds of CPU that `act` takes."""
    begin = time.process_time()
    act()
    return time.process_time() - begin


async def measure(turns: int) -> dict[str, float]:
    """Seconds for each thing that a reader does."""
    run, node, body = conversation(turns)
    found: dict[str, list[float]] = {}
    for _ in range(5):
        app = _Host()
        async with app.run_test(size=_SIZE) as pilot:
            pane, document = app.query_one(DetailPane), app.query_one(Document)

            def page(document: Document = document) -> None:
                document.action_page(1)
                for y in range(_SIZE[1] - 2):
                    document.render_line(y)

            steps: dict[str, Callable[[], Any]] = {
                "parse the request": partial(json.loads, body),
                "open": partial(pane.show, run, node),
                "show again": partial(pane.show, run, node),
                "the whole of it": partial(setattr, pane, "whole", True),
                "a page": page,
                "raw": partial(setattr, pane, "tab", "Raw"),
            }
            for name, act in steps.items():
                found.setdefault(name, []).append(cpu(act))
                await pilot.pause()
    return {name: min(times) for name, times in found.items()}


def main() -> None:
    """Print each, and its ratio to the baseline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=1000)
    times = asyncio.run(measure(parser.parse_args().turns))
    base = times["parse the request"]
    for name, seconds in times.items():
        print(f"{name:<20} {1000 * seconds:8.1f} ms   {seconds / base:6.2f}")


if __name__ == "__main__":
    main()

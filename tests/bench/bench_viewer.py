"""The cost of the run screen, against a plain view of lines of the same run.

Goals: 2.0 (paint), 1.5 (a key), 3.0 (memory).

100,000 spans. CPU time of the first paint, from the app's begin until its lines have been drawn in their final size; for
information, until all is at rest, the detail included. CPU time of a key that moves the cursor, and of one that scrolls
a page; growth of the process's memory from before the app to after. The bare view flattens the tree, draws
a line when it is seen and keeps it; it has no columns, bars, lanes, axis or detail.

Run it from the repository's folder: `python -m tests.bench.bench_viewer`.
"""

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rich.segment import Segment
from textual import __version__
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.geometry import Size
from textual.pilot import Pilot
from textual.scroll_view import ScrollView
from textual.strip import Strip
from tracekit_viewer.app import Viewer
from tracekit_viewer.door import Node, Run
from tracekit_viewer.screens.run import RunScreen
from tracekit_viewer.source import Recorded, RunSource
from tracekit_viewer.widgets.timeline import Timeline

from tests.bench.harness import Comparison, Figures, arguments, child, report, take_turns
from tests.support.trees import big_run

SPANS = 100_000
SIZE = (120, 40)
KEYS = 150


class BareLines(ScrollView, can_focus=True):
    """A line a node."""

    BINDINGS = [Binding("down", "move(1)"), Binding("pagedown", "move(35)")]  # noqa: RUF012

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._lines = list(_flat(run.root))
        self._strips: dict[tuple[int, bool], Strip] = {}
        self._cursor = 0

    def on_mount(self) -> None:
        self.virtual_size = Size(80, len(self._lines))

    def render_line(self, y: int) -> Strip:
        row = y + self.scroll_offset.y
        key = row, row == self._cursor
        if key not in self._strips:
            depth, node = self._lines[row]
            text = f"{'> ' if key[1] else '  '}{'  ' * depth}{node.kind} {node.name}"
            self._strips[key] = Strip([Segment(text, self.rich_style)]).adjust_cell_length(self.size.width)
        return self._strips[key]

    def action_move(self, by: int) -> None:
        self.refresh_line(self._cursor)
        self._cursor = min(self._cursor + by, len(self._lines) - 1)
        self.refresh_line(self._cursor)
        bottom = self._cursor - self.size.height + 1
        if bottom > self.scroll_offset.y:
            self.scroll_to(y=bottom, animate=False)


def _flat(root: Node) -> Iterator[tuple[int, Node]]:
    stack = [(0, root)]
    while stack:
        depth, node = stack.pop()
        yield depth, node
        stack.extend((depth + 1, below) for below in reversed(node.children))


class BareApp(App[None]):
    """An app with the lines alone."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def compose(self) -> ComposeResult:
        yield BareLines(self._run)


class Unchecked(RunScreen):
    """The screen of a run without the search for findings, which `bench_check` measures."""

    def _check(self) -> None:
        pass


class BenchViewer(Viewer):
    """The viewer on a run that is in memory."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._source = Recorded(run)

    def run_screen(self, source: RunSource) -> RunScreen:
        return Unchecked(source)


def measure(variant: str) -> None:
    """Print what `variant` costs; memory in kB, times in microseconds of CPU."""
    run = big_run(SPANS)
    gc.collect()
    gc.freeze()
    before, begin = _resident_kb(), time.process_time_ns()
    app: App[None] = BenchViewer(run) if variant == "viewer" else BareApp(run)
    figures: dict[str, float] = {}

    widget: type[ScrollView] = Timeline if variant == "viewer" else BareLines
    drawn = _watch(widget, begin)

    async def use() -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            figures["first paint"] = drawn[app.screen.query_one(widget).size.height]
            figures["all at rest"] = (time.process_time_ns() - begin) / 1e3
            figures["key down"] = await _keys(pilot, "down")
            figures["key page down"] = await _keys(pilot, "pagedown")
            figures["memory kB"] = _resident_kb() - before

    asyncio.run(use())
    print(json.dumps(figures))


def _watch(widget: type[ScrollView], begin: int) -> dict[int, float]:
    """Record the time at which the last line of a `widget` was first drawn, by its height."""
    drawn: dict[int, float] = {}
    render_line = widget.render_line

    def watched(self: ScrollView, y: int) -> Strip:
        strip = render_line(self, y)
        if y == self.size.height - 1:
            drawn.setdefault(self.size.height, (time.process_time_ns() - begin) / 1e3)
        return strip

    widget.render_line = watched  # type: ignore[method-assign, assignment]
    return drawn


async def _keys(pilot: Pilot[None], key: str) -> float:
    begin = time.process_time_ns()
    await pilot.press(*[key] * KEYS)
    return (time.process_time_ns() - begin) / 1e3 / KEYS


def _resident_kb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["child"]:
        measure(sys.argv[2])
        return
    options = arguments(__doc__, rounds=5)
    command = [sys.executable, "-m", "tests.bench.bench_viewer", "child"]
    measured: dict[str, list[Figures]] = take_turns(
        {name: partial(child, [*command, name]) for name in ("viewer", "bare")}, options.rounds
    )
    rows = set(measured["viewer"][0])
    goals = {"first paint": 2.0, "key down": 1.5, "key page down": 1.5, "memory kB": 3.0}
    comparisons = [Comparison("viewer", "bare", goal, frozenset(rows - {row})) for row, goal in goals.items()]
    report(f"{SPANS} spans, Textual {__version__}", "us of CPU", measured, comparisons, as_json=options.json)


if __name__ == "__main__":
    main()

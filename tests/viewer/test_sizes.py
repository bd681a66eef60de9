"""Properties that hold in small, usual and large terminals."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot
from textual.widgets import Static
from tracekit_viewer.render.detail import TABS
from tracekit_viewer.render.rows import _guides
from tracekit_viewer.render.tree import Tree
from tracekit_viewer.source import Recorded
from tracekit_viewer.widgets.detail import DetailPane
from tracekit_viewer.widgets.document import Document
from tracekit_viewer.widgets.minimap import MinimapStrip
from tracekit_viewer.widgets.timeline import Timeline

from tests.support.screens import checked, drive
from tests.support.showing import Showing
from tests.support.trees import growing_run, node, run_of, team_run
from tracekit import semconv
from tracekit.model.tree import Run

Size = tuple[int, int]

pytestmark = [
    pytest.mark.usefixtures("home"),
    pytest.mark.parametrize("size", [(80, 24), (120, 35), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}"),
]

_RESULT = " ".join(f"word-{number}" for number in range(120))


def telling_run() -> Run:
    """A tool whose result is long."""
    said = {semconv.TOOL_NAME: "read", semconv.TOOL_CALL_ARGUMENTS: {"path": "a"}, semconv.TOOL_CALL_RESULT: _RESULT}
    tool = node("tool", "read", 10, 90, attributes=said, id="o")
    return run_of(node("run", "r", 0, 100, node("agent", "a", 0, 100, node("llm", "m", 0, 9), tool), id="r"))


def seen(document: Document) -> list[str]:
    return [document.render_line(y).text for y in range(document.size.height)]


def test_full_screen_has_all_words_on_the_whole_width_and_leaving_it_wraps_again(size: Size) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("end", "enter")
        await pilot.pause()
        pane, document = pilot.app.screen.query_one(DetailPane), pilot.app.screen.query_one(Document)
        before = pane.size, document.virtual_size, seen(document)
        await pilot.press("z")
        await pilot.pause()
        assert pane.size.width == size[0]
        assert document.virtual_size.width > 0.9 * size[0]
        lines = seen(document)
        assert all(f"word-{number}" in "\n".join(lines) for number in range(120)), "nothing is blank or cut"
        assert max(cell_len(line.rstrip()) for line in lines) <= size[0]
        await pilot.press("z")
        await pilot.pause()
        assert (pane.size, document.virtual_size, seen(document)) == before

    drive(Showing(Recorded(telling_run())), act, size)


def test_tabs_have_their_whole_names(size: Size) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("enter")
        await pilot.pause()
        head = pilot.app.screen.query_one(DetailPane).children[0]
        assert head.render_line(1).text.split() == list(TABS)

    drive(Showing(Recorded(team_run())), act, size)


def test_bars_have_half_of_the_width(size: Size) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        timeline = pilot.app.screen.query_one(Timeline)
        assert timeline.view.columns.bar >= (timeline.size.width - 4) // 2

    drive(Showing(Recorded(team_run())), act, size)


def test_guides_of_deep_trees_never_jump_to_the_left(size: Size) -> None:
    below = node("tool", "at last", 0, 1000)
    for level in range(1500):
        below = node("span", f"s{level}", 0, 1000, below, node("span", f"beside {level}", 0, 1), id=f"{level}")
    forest = Tree(run_of(node("run", "r", 0, 1000, below))).forest
    widths = [cell_len(_guides(forest, place, size[0] // 6)) for place in range(1500)]
    assert widths == sorted(widths)
    assert len(set(widths[100:])) == 1


def test_another_theme_draws_the_title_anew(size: Size) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        def colours() -> set[str]:
            strip = pilot.app.screen.query_one("#what", Static).render_line(0)
            return {segment.style.color.name for segment in strip if segment.style and segment.style.color}

        dark = colours()
        pilot.app.theme = "tracekit-light"
        await pilot.pause()
        await pilot.pause()
        assert colours().isdisjoint(dark)

    drive(Showing(Recorded(team_run())), act, size)


def test_interrupted_bars_end_in_a_cross(size: Size) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        timeline = pilot.app.screen.query_one(Timeline)
        assert [timeline.render_line(y).text.rstrip()[-1] for y in (0, 2, 3)] == ["×", "×", "×"]

    drive(Showing(Recorded(growing_run(2600, alive=False))), act, size)


def test_the_minimap_tells_the_peak_and_where_something_went_wrong(size: Size) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await checked(pilot)
        strip = pilot.app.screen.query_one(MinimapStrip)
        above, below = strip.render_line(0).text, strip.render_line(1).text
        assert "peak 3" in above
        assert "✗ 1" in below
        assert "↻ 2" in below
        assert below[strip.bar_start :].count("↻") == 2
        assert below[strip.bar_start :].count("✗") == 1

    drive(Showing(Recorded(team_run())), act, size)

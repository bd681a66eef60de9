"""The detail pane: what it shows of each kind of node, and what its keys and the mouse do."""

from __future__ import annotations

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from tracekit_viewer.app import Viewer
from tracekit_viewer.widgets.detail import DetailPane
from tracekit_viewer.widgets.document import Document
from typing_extensions import override

from tests.support.build import said, use
from tests.support.reading import ended, everything, live, node, streamed_in_full
from tests.support.screens import drive, picture, pictures, utc
from tracekit.model.tree import Run

__all__ = ["pictures", "utc"]

pytestmark = pytest.mark.usefixtures("utc")

SIZES = [(80, 24), (120, 50)]
SIZED = pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x50"])


class Reading(Viewer):
    """The pane alone, in the viewer's colours."""

    def __init__(self, run: Run, id: str) -> None:
        super().__init__()
        self.shown, self.id_shown = run, id

    @override
    def get_default_screen(self) -> Any:
        return App.get_default_screen(self)

    @override
    def compose(self) -> ComposeResult:
        yield DetailPane()

    def on_mount(self) -> None:
        self.pane.show(self.shown, node(self.shown, self.id_shown))
        self.pane.focus()

    @property
    def pane(self) -> DetailPane:
        return self.query_one(DetailPane)

    @property
    def document(self) -> Document:
        return self.query_one(Document)


def rows(app: Reading) -> list[str]:
    """The rows of the pane, as text."""
    return ["".join(text for text, _ in row.line) for row in app.document.rows]


def pressed(run: Run, id: str, *keys: str, size: tuple[int, int] = (100, 30)) -> list[str]:
    """The rows of the pane on the node `id` after `keys`."""
    app = Reading(run, id)
    found: list[str] = []

    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press(*keys)
        found.extend(rows(app))

    drive(app, act, size)
    return found


# ── what it looks like ───────────────────────────────────────────────────────────────────────────────────────────────


def refused() -> Run:
    return ended(said("I can't help with"), stop="refusal")


def cut() -> Run:
    return ended(said("An answer that is cut"), use("toolu_1", "write_file", path="a"), stop="max_tokens")


def unpriced() -> Run:
    return ended(said("Done."), model="acme-7b")


def veiled() -> Run:
    return ended(said("1f2e3d4c5b6a79880f"), content="metadata")


def damaged() -> Run:
    return ended(said("Done."), damage=("line 7: cannot be read and is skipped: no JSON",), exited=False)


STATES = {
    "run": (everything, "run", ""),
    "damaged-run": (damaged, "ab" * 16, ""),
    "agent": (everything, "lead", ""),
    "first-turn": (everything, "t1", ""),
    "next-turn": (everything, "t2", ""),
    "whole": (everything, "t3", "w"),
    "unfolded": (everything, "t1", "J J J J J J enter"),
    "all-unfolded-at-the-end": (everything, "t1", "o G"),
    "tool": (everything, "write", ""),
    "tool-failed": (everything, "query", ""),
    "attempt-failed": (everything, "c2-0", ""),
    "streaming": (lambda: live(30), "c4", ""),
    "waiting": (lambda: live(0), "c4", ""),
    "refused": (refused, "c1", ""),
    "cut": (cut, "c1", ""),
    "metadata-only": (veiled, "c1", ""),
    "attempts": (everything, "t2", "2"),
    "attempts-of-a-run": (everything, "run", "2"),
    "usage": (everything, "t1", "3"),
    "usage-without-a-price": (unpriced, "c1", "3"),
    "attributes": (everything, "c2-a", "4"),
    "raw": (lambda: live(12), "c4", "5"),
    "searching": (everything, "t1", "slash c o u p o n enter"),
    "light": (everything, "t1", ""),
    "without-colour": (everything, "t1", ""),
}


@SIZED
@pytest.mark.parametrize("state", STATES)
def test_pictures(
    state: str, size: tuple[int, int], pictures: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, id, keys = STATES[state]
    if state == "without-colour":
        monkeypatch.setenv("NO_COLOR", "1")
    run = make()
    app = Reading(run, run.root.id if state == "damaged-run" else id)

    async def act(pilot: Pilot[Any]) -> None:
        if state == "light":
            app.theme = "tracekit-light"
        await pilot.press(*keys.split())

    assert picture(app, size, act) == pictures


# ── what is told ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_turn_tells_only_what_it_added_until_it_is_asked_for_the_whole() -> None:
    added, whole = pressed(everything(), "t3"), pressed(everything(), "t3", "w")
    assert any("4 earlier messages are not repeated" in row for row in added)
    assert not any("Refactor the shop" in row for row in added)
    assert any("write_file returned" in row for row in added)
    assert any("Refactor the shop" in row for row in whole)
    assert any("You lead a refactoring" in row for row in whole)


def test_a_result_stands_beside_its_use_wherever_it_came_back() -> None:
    found = pressed(everything(), "t1", size=(120, 60))
    asked = next(index for index, row in enumerate(found) if "⚙ query" in row)
    assert "sql: select count(*) from orders" in found[asked + 2]
    assert "no such table: orders" in found[asked + 2]
    whole = pressed(everything(), "t3", "w", size=(120, 60))
    assert sum("no such table" in row for row in whole) == 1


def test_an_image_is_a_line_that_says_what_it_is() -> None:
    found = "\n".join(pressed(everything(), "t1"))
    assert "▣ image · image/png · 15.0 kB" in found
    assert "▣ document · style guide · https://example.com/style.pdf" in found
    assert "iVBOR" not in found


def test_a_result_that_is_json_is_an_outline() -> None:
    found = pressed(everything(), "write", size=(80, 60))
    assert "│ findings:" in found
    assert any("rule: magic-number" in row for row in found)
    assert any('if coupon == "WELCOME10":' in row for row in found), "code keeps its own lines"


def test_streams_are_shown_as_far_as_they_have_come() -> None:
    counts = []
    for events in range(0, streamed_in_full() + 1, 4):
        found = "\n".join(pressed(live(events), "c4", "o"))
        counts.append(len(found))
        assert ("it is being answered" in found) == (0 < events < streamed_in_full() - 2)
    assert counts == sorted(counts)
    assert "stopped: tool_use" in "\n".join(pressed(live(streamed_in_full()), "c4"))


def test_content_that_was_not_kept_is_said() -> None:
    assert "TRACEKIT_CONTENT=metadata" in "\n".join(pressed(veiled(), "c1"))
    off = ended(said("x"), content="off")
    assert "TRACEKIT_CONTENT=off" in "\n".join(pressed(off, "c1"))


# ── keys and mouse ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_tabs_by_number_by_arrow_and_by_mouse() -> None:
    app = Reading(everything(), "t2")
    seen: list[str] = []

    async def act(pilot: Pilot[Any]) -> None:
        for key in ("1", "2", "3", "4", "5", "right", "left", "h", "l", "l"):
            await pilot.press(key)
            seen.append(app.pane.tab)
        await pilot.click("_Head", offset=(16, 1))
        seen.append(app.pane.tab)

    drive(app, act)
    assert seen == [
        "Conversation", "Attempts", "Usage", "Attributes", "Raw", "Conversation", "Raw", "Attributes", "Raw",
        "Conversation", "Attempts",
    ]  # fmt: skip


def test_the_cursor_moves_by_row_part_page_and_to_the_ends() -> None:
    app = Reading(everything(), "t1")
    places: list[int] = []

    async def act(pilot: Pilot[Any]) -> None:
        for key in ("j", "down", "k", "up", "J", "shift+down", "K", "shift+up", "G", "g", "end", "home"):
            await pilot.press(key)
            places.append(app.document.cursor)
        await pilot.press("pagedown", "pagedown")
        assert app.document.scroll_offset.y > 0
        places.append(app.document.cursor)
        await pilot.press("pageup", "ctrl+b", "ctrl+f")
        places.append(app.document.cursor)
        places.append(len(rows(app)) - 1)

    drive(app, act, (80, 24))
    last = places[-1]
    assert places[:4] == [1, 2, 1, 0]
    assert places[4:8] == [2, 6, 2, 0]
    assert places[8:12] == [last, 0, last, 0]
    assert places[12:14] == [2 * 21, 21]


def test_unfolding_folding_and_all_at_once() -> None:
    app = Reading(everything(), "t1")
    many: list[int] = []

    async def act(pilot: Pilot[Any]) -> None:
        for keys in ("", "enter", "enter", "o", "o"):
            await pilot.press(*keys.split())
            many.append(len(rows(app)))

    drive(app, act)
    assert many[1] > many[0]
    assert many[2] == many[0]
    assert many[3] > many[1]
    assert many[4] == many[0]


def test_a_click_unfolds_what_says_that_there_is_more() -> None:
    app = Reading(everything(), "t1")

    async def act(pilot: Pilot[Any]) -> None:
        before = rows(app)
        row = next(index for index, text in enumerate(before) if "more lines" in text)
        await pilot.click(Document, offset=(6, row))
        assert len(rows(app)) > len(before)
        assert app.document.cursor == row

    drive(app, act, (100, 60))


def test_copying_gives_the_part_as_it_was_said() -> None:
    app = Reading(everything(), "t1")
    copied: list[str] = []

    async def act(pilot: Pilot[Any]) -> None:
        assert app.clipboard == ""
        await pilot.press("J", "y")
        copied.append(app.clipboard)
        await pilot.press("J", "y")
        copied.append(app.clipboard)

    drive(app, act)
    assert copied[0].startswith("You lead a refactoring.")
    assert copied[1].startswith("Refactor the shop, and keep to the style of the picture.\n\n- shop/cart.py")


def test_searching_unfolds_marks_and_goes_on() -> None:
    app = Reading(everything(), "t1")

    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("slash", *"WELCOME", "enter")
        await pilot.pause()
        assert app.document.has_focus
        found = [number for number, row in enumerate(rows(app)) if "WELCOME10" in row]
        assert len(found) == 8, "what was folded is found, too"
        assert app.document.cursor == found[0]
        await pilot.press("n", "n", "N")
        assert app.document.cursor == found[1]
        await pilot.press("N", "N")
        assert app.document.cursor == found[-1], "from the begin it goes to the end"
        line = app.document.render_line(found[-1] - app.document.scroll_offset.y)
        assert [each.text for each in line if each.style and each.style.reverse] == ["WELCOME"]
        await pilot.press("slash", "x", "escape")
        assert app.document.has_focus
        assert not app.document._query

    drive(app, act)


def test_reading_on_the_whole_screen_and_back() -> None:
    app = Reading(everything(), "t1")

    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("z")
        assert app.screen.maximized is app.pane
        await pilot.press("z")
        assert app.screen.maximized is None

    drive(app, act)


# ── a run that grows ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_place_and_folds_stay_while_a_run_grows() -> None:
    app = Reading(live(12), "c4")

    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("J", "j")
        place, row = app.document.cursor, rows(app)[app.document.cursor]
        for events in (20, 30, streamed_in_full()):
            run = live(events)
            app.pane.show(run, node(run, "c4"))
            await pilot.pause()
            assert (app.document.cursor, rows(app)[place]) == (place, row)
        assert any("⚙ write_file" in each for each in rows(app))

    drive(app, act, (60, 12))


def test_who_reads_at_the_end_stays_at_the_end() -> None:
    app = Reading(live(12), "c4")

    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("G")
        for events in (20, 30, streamed_in_full()):
            run = live(events)
            app.pane.show(run, node(run, "c4"))
            await pilot.pause()
            assert app.document.cursor == len(rows(app)) - 1
            assert app.document.scroll_offset.y == app.document.max_scroll_y

    drive(app, act, (60, 12))


def test_another_node_begins_at_its_top() -> None:
    app = Reading(everything(), "t1")

    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("o", "G")
        app.pane.show(app.shown, node(app.shown, "t2"))
        await pilot.pause()
        assert (app.document.cursor, app.document.scroll_offset.y) == (0, 0)

    drive(app, act)


def test_a_narrower_pane_wraps_again() -> None:
    app = Reading(everything(), "t1")

    async def act(pilot: Pilot[Any]) -> None:
        wide = len(rows(app))
        await pilot.resize_terminal(50, 24)
        await pilot.pause()
        assert len(rows(app)) > wide
        assert max(map(len, rows(app))) <= 49

    drive(app, act, (120, 40))

"""The list of runs: what it shows, and what its keys do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from syrupy.assertion import SnapshotAssertion
from textual.app import App
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Input, Static
from tracekit_viewer.app import Viewer
from tracekit_viewer.render.runs import COLUMNS, Order, header_of, line_of, scale_of, title_of
from tracekit_viewer.screens import runs as runs_module
from tracekit_viewer.screens.run import RunScreen
from tracekit_viewer.screens.runs import RunsScreen
from tracekit_viewer.widgets.runs_list import RunsHeader, RunsList

from tests.support.listed import NOON_NS, RUNS, damage, write_all, write_many
from tests.support.screens import SIZED, drive, picture, pictures, until, utc
from tracekit.collect.look import Listing, list_runs
from tracekit.collect.watch import Watch
from tracekit.journal.home import runs_folder
from tracekit.model.events import SpanBegin, SpanEnd

__all__ = ["pictures", "utc"]

pytestmark = pytest.mark.usefixtures("home", "utc")


class AtNoon(Viewer):
    """The viewer, whose list believes that it is noon."""

    def get_default_screen(self) -> RunsScreen:
        return RunsScreen(lambda: NOON_NS)


def listed(app: App[Any]) -> list[str]:
    """The names in the list, from the top."""
    return [run.name for run in app.screen.query_one(RunsList)._runs]


def said(app: App[Any], id: str) -> str:
    return str(app.screen.query_one(f"#{id}", Static).render())


_STEADY = 4
"""Looks at the layout that must have found the same."""


async def filled(pilot: Pilot[Any]) -> None:
    """Wait for the first look, and until nothing is laid out anew any more."""
    await until(pilot, lambda: "looking" not in said(pilot.app, "title"))
    regions: list[Any] = [None]
    while regions[-1] != regions[0] or len(regions) < _STEADY:
        await pilot.pause(0.02)
        now = [(widget.id, widget.region) for widget in pilot.app.screen.walk_children(Widget)]
        regions = [*regions, now][-_STEADY:]


async def typed(pilot: Pilot[Any], text: str) -> None:
    """Type a filter, and wait until the matching runs are listed, or the filter's error is shown."""
    await pilot.press("slash")
    # A cursor that blinks is there in one picture, and not in another.
    pilot.app.screen.query_one("#filter", Input).cursor_blink = False
    await pilot.press(*text)
    await searched(pilot)


async def searched(pilot: Pilot[Any]) -> None:
    screen = pilot.app.screen
    assert isinstance(screen, RunsScreen)
    box = screen.query_one("#filter", Input)
    await until(
        pilot,
        lambda: (
            screen.query_text == box.value.strip()
            and bool(screen.wrong or screen.found_for == (screen.query_text or None))
        ),
    )


# ── what it looks like ───────────────────────────────────────────────────────────────────────────────────────────────


@SIZED
class TestPictures:
    """One state a test, at each size."""

    def test_empty(self, size: tuple[int, int], pictures: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(runs_module, "home", lambda: Path("/home/you/.local/share/tracekit"))
        assert picture(AtNoon(), size, filled) == pictures

    def test_list(self, size: tuple[int, int], pictures: SnapshotAssertion) -> None:
        sink = write_all()
        assert picture(AtNoon(), size, filled) == pictures
        sink.exit(1)

    def test_replays_sources_and_marks(self, size: tuple[int, int], pictures: SnapshotAssertion, home: Path) -> None:
        write_all(RUNS[1:5])
        for run, more in ((RUNS[1], {"replay_of": RUNS[1].id}), (RUNS[2], {"source": {"name": "claude-code"}})):
            (path,) = home.glob(f"runs/*/{run.id}*")
            header, _, rest = path.read_text().partition("\n")
            id = f"ffff{run.id[4:]}"
            fields = {**json.loads(header), "run": id, **more}
            path.with_name(path.name.replace(run.id, id)).write_text(f"{json.dumps(fields)}\n{rest}")

        async def act(pilot: Pilot[Any]) -> None:
            await filled(pilot)
            await pilot.press("m", "j", "m")

        assert picture(AtNoon(), size, act) == pictures

    def test_sorted_by_cost(self, size: tuple[int, int], pictures: SnapshotAssertion) -> None:
        write_all(RUNS[1:])

        async def act(pilot: Pilot[Any]) -> None:
            await filled(pilot)
            await pilot.press(*"ssssssss", "j")

        assert picture(AtNoon(), size, act) == pictures

    def test_filtered(self, size: tuple[int, int], pictures: SnapshotAssertion) -> None:
        write_all(RUNS[1:])

        async def act(pilot: Pilot[Any]) -> None:
            await filled(pilot)
            await typed(pilot, "r status:ok")

        assert picture(AtNoon(), size, act) == pictures

    def test_nothing_matches(self, size: tuple[int, int], pictures: SnapshotAssertion) -> None:
        write_all(RUNS[1:])

        async def act(pilot: Pilot[Any]) -> None:
            await filled(pilot)
            await typed(pilot, "[b]zzz")

        assert picture(AtNoon(), size, act) == pictures

    def test_warnings(
        self, size: tuple[int, int], pictures: SnapshotAssertion, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_all(RUNS[2:4])
        damage(home)
        real = Watch.poll

        def poll(watch: Watch) -> Listing | None:
            # The folder of a test has another name each time, and the file one of this host and process.
            listing = real(watch)
            warnings = [_without_place(text) for text in listing.warnings] if listing is not None else []
            return None if listing is None else listing._replace(warnings=warnings)

        monkeypatch.setattr(Watch, "poll", poll)
        assert picture(AtNoon(), size, filled) == pictures

    def test_error(self, size: tuple[int, int], pictures: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TRACEKIT_HOME", "/dev/null")
        assert picture(AtNoon(), size, filled) == pictures


def _without_place(text: str) -> str:
    path, _, said = text.partition(": ")
    return f"{runs_folder()}/2026-11-22/{Path(path).name.partition('.')[0]}.host.1.jsonl: {said}"


# ── what the keys do ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_filter_narrows_as_one_types_and_escape_shows_all() -> None:
    write_all(RUNS[1:])

    async def act(pilot: Pilot[Any]) -> None:
        await filled(pilot)
        all_names = listed(pilot.app)
        assert len(all_names) == 6
        await typed(pilot, "ref")
        assert listed(pilot.app) == ["refactoring"]
        assert "1 shown" in said(pilot.app, "title")
        await pilot.press("enter")
        assert isinstance(pilot.app.focused, RunsList)
        assert listed(pilot.app) == ["refactoring"], "the filter stays"
        await pilot.press("escape")
        await searched(pilot)
        assert listed(pilot.app) == all_names
        # The language of `tracekit ls`, and a filter that is wrong so far.
        await typed(pilot, "agent:agent_3 calls>20")
        assert listed(pilot.app) == ["nightly-triage"]
        # At once, as it would be pasted: letter by letter, "c" is a part of a name.
        box = pilot.app.screen.query_one("#filter", Input)
        box.value += " cost>"
        box.cursor_position = len(box.value)
        await searched(pilot)
        assert "cost> has no value" in said(pilot.app, "warnings")
        assert listed(pilot.app) == ["nightly-triage"]
        await pilot.press("1", "0", "0")
        await searched(pilot)
        assert listed(pilot.app) == []
        assert "No run matches" in said(pilot.app, "nothing")
        assert not said(pilot.app, "warnings")

    drive(AtNoon(), act)


def test_keys_move_sort_and_open() -> None:
    write_all(RUNS[1:])

    async def act(pilot: Pilot[Any]) -> None:
        await filled(pilot)
        table = pilot.app.screen.query_one(RunsList)
        await pilot.press("j", "down")
        assert table.cursor == 2
        await pilot.press("k", "up", "up")
        assert table.cursor == 0
        await pilot.press("G")
        assert table.cursor == 5
        await pilot.press("g")
        await pilot.press("j")
        at = table.at
        assert at is not None
        await pilot.press("S")
        assert listed(pilot.app) == [run.name for run in reversed(RUNS[1:])]
        assert table.at == at, "the cursor stays on its run"
        await pilot.press("s")
        assert pilot.app.screen.query_one(RunsHeader).order == Order("status", is_down=False)
        assert listed(pilot.app)[:2] == ["nightly-triage", "migrate-orders"]
        await pilot.press("pagedown")
        assert table.cursor == 5
        await pilot.press("pageup", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))

    drive(AtNoon(), act)


def test_mouse_sorts_and_opens() -> None:
    write_all(RUNS[1:])

    async def act(pilot: Pilot[Any]) -> None:
        await filled(pilot)
        await pilot.click(RunsHeader, offset=(5, 0))
        assert listed(pilot.app)[0] == "a model of our own"
        await pilot.click(RunsHeader, offset=(5, 0))
        assert listed(pilot.app)[-1] == "a model of our own"
        await pilot.click(RunsHeader, offset=(94, 0))
        assert listed(pilot.app)[0] == "migrate-orders", "the most costly first"
        table = pilot.app.screen.query_one(RunsList)
        await pilot.press("g")
        await pilot.click(RunsList, offset=(5, 2))
        assert table.cursor == 2
        assert isinstance(pilot.app.screen, RunsScreen)
        await pilot.click(RunsList, offset=(5, 2))
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))

    drive(AtNoon(), act)


@pytest.mark.parametrize("key", [column.key for column in COLUMNS])
def test_every_column_sorts(key: str) -> None:
    write_all(RUNS[1:])
    listing = Watch(None).poll()
    assert listing is not None
    order = Order.by(key)
    down, up = order.sort(listing.runs, NOON_NS), order.turned().sort(listing.runs, NOON_NS)
    column = next(column for column in COLUMNS if column.key == key)
    values = [column.order(run, NOON_NS) for run in down]
    assert values == sorted(values, reverse=order.is_down)
    assert [column.order(run, NOON_NS) for run in up] == sorted(values, reverse=not order.is_down)
    assert {run.id for run in up} == {run.id for run in listing.runs}


@pytest.mark.parametrize("width", [20, 40, 80, 84, 92, 100, 114, 120, 124, 146, 162, 180, 400])
def test_lines_fit_their_width(width: int) -> None:
    write_all(RUNS)
    listing = Watch(None).poll()
    assert listing is not None
    scale = scale_of([*listing.runs, replace(listing.runs[0], source="claude-code")])
    header = sum(cell_len(text) for text, _ in header_of(width, Order(), scale))
    for run in listing.runs:
        pieces = line_of(run, width, NOON_NS, scale, is_at_cursor=True)
        assert sum(cell_len(text) for text, _ in pieces) == header
        assert all(text.isprintable() for text, _ in pieces)
    assert width < 80 or header <= width


# ── what goes on meanwhile ───────────────────────────────────────────────────────────────────────────────────────────


def test_replays_sources_and_unknown_outputs_are_marked(home: Path) -> None:
    write_all(RUNS[1:2])
    (run,) = list_runs(None).runs
    replayed = replace(run, replay_of=run.id, replay="followed")
    imported = replace(run, source="claude-code", output_tokens=0, is_output_partial=True, findings=3)
    runs = [run, replayed, imported, replace(imported, output_tokens=7)]
    scale = scale_of(runs)
    lines = ["".join(text for text, _ in line_of(each, 200, NOON_NS, scale, is_at_cursor=False)) for each in runs]
    cost = f"${run.cost_usd:.4f}"
    assert f" {cost} " in lines[0]
    assert "↻" not in lines[0]
    assert lines[1].lstrip().startswith("↻")
    assert "↻ followed" in lines[1]
    assert f"({cost})" in lines[1]
    assert "claude-code" not in lines[0]
    assert "claude-code" in lines[2]
    outputs = ["1376", "1376", "?", "≥7"]
    assert all(f" {out} " in line for out, line in zip(outputs, lines, strict=True)), lines
    assert lines[0].count("█" * 6) == 2, "the longest and the most costly fill their bars"
    totals = "".join(text for text, _ in title_of(4, 0, runs, is_filtered=False))
    assert totals.startswith("tracekit  4 runs · ")
    newest = "".join(text for text, _ in title_of(5000, 0, runs, is_filtered=False))
    assert newest.startswith("tracekit  newest 4 of 5,000 runs · "), "the totals are not those of all"
    assert f"48 calls · 20.7k → ≥1383 tokens · ${3 * (run.cost_usd or 0):.4f}" in totals, totals


def test_runs_come_grow_and_end_while_the_cursor_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_module, "_PAUSE_S", 0.05)
    sink = write_all(RUNS[1:3])

    async def act(pilot: Pilot[Any]) -> None:
        await filled(pilot)
        table = pilot.app.screen.query_one(RunsList)
        await pilot.press("j")
        assert table.at is not None
        assert table.at.name == "refactoring"
        run = RUNS[0].write(sink)
        await until(pilot, lambda: len(listed(pilot.app)) == 3)
        assert listed(pilot.app)[0] == RUNS[0].name
        assert "1 live" in said(pilot.app, "title")
        assert table.at.name == "refactoring"
        await typed(pilot, "re")
        sink.write(run, SpanBegin("e" * 16, "a" + "0" * 15, "llm", "chat", NOON_NS, "m"))
        await until(pilot, lambda: [run.calls for run in table._runs[:1]] == [RUNS[0].calls + 1])
        await until(pilot, lambda: listed(pilot.app) == [RUNS[0].name, "refactoring"])
        for id in ("e" * 16, *(f"a{number:015x}" for number in range(RUNS[0].agents)), "1" * 16):
            sink.write(run, SpanEnd(id, NOON_NS, "ok"))
        sink.release(run)
        await until(pilot, lambda: [run.status for run in table._runs[:1]] == ["ok"])
        assert "live" not in said(pilot.app, "title")

    drive(AtNoon(), act)


def test_older_runs_follow_as_one_scrolls() -> None:
    write_many(60)

    async def act(pilot: Pilot[Any]) -> None:
        await filled(pilot)
        assert "60 runs" in said(pilot.app, "title")
        assert len(listed(pilot.app)) == 50
        await pilot.press("G")
        await until(pilot, lambda: len(listed(pilot.app)) == 60)
        await pilot.press("G")
        assert pilot.app.screen.query_one(RunsList).cursor == 59

    drive(AtNoon(), act)


def test_a_filter_goes_through_all_runs() -> None:
    write_many(60)

    async def act(pilot: Pilot[Any]) -> None:
        await filled(pilot)
        await typed(pilot, "job-0059")
        await until(pilot, lambda: listed(pilot.app) == ["job-0059"])

    drive(AtNoon(), act)


def test_a_run_that_is_gone_or_newer_is_told_and_the_list_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_module, "_PAUSE_S", 1000.0)
    write_all(RUNS[1:3])
    (path,) = home.glob(f"runs/*/{RUNS[1].id}*")

    async def act(pilot: Pilot[Any]) -> None:
        await filled(pilot)
        path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":9', 1))
        await pilot.press("enter")
        await until(pilot, lambda: "journal format 9" in said(pilot.app, "at"))
        path.unlink()
        await pilot.press("enter")
        await until(pilot, lambda: "there is no run" in said(pilot.app, "at"))
        assert isinstance(pilot.app.screen, RunsScreen)

    drive(AtNoon(), act)


def test_a_fault_of_our_own_is_told_and_the_list_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    write_all(RUNS[1:3])
    monkeypatch.setattr(runs_module, "_PAUSE_S", 0.02)
    monkeypatch.setattr(runs_module, "_SHARE", 1)

    async def act(pilot: Pilot[Any]) -> None:
        await filled(pilot)

        def poll(_: object) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(Watch, "poll", poll)
        await until(pilot, lambda: "Input/output error" in said(pilot.app, "warnings"))
        assert len(listed(pilot.app)) == 2
        await pilot.press("j")

    drive(AtNoon(), act)

"""SQL in the viewer: queries, their history, wrong ones, and the way from a row to its run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Static
from tracekit_viewer.app import Viewer
from tracekit_viewer.screens.run import RunScreen
from tracekit_viewer.screens.runs import RunsScreen
from tracekit_viewer.screens.sql import SqlScreen
from tracekit_viewer.widgets.runs_list import RunsList

from tests.support.listed import RUNS, write_all
from tests.support.screens import SIZED, drive, picture, pictures, until, utc

__all__ = ["pictures", "utc"]

pytestmark = pytest.mark.usefixtures("home", "utc")


async def opened(pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: pilot.app.screen.query_one(RunsList).at is not None)
    await pilot.press("colon")
    assert isinstance(pilot.app.screen, SqlScreen)
    pilot.app.screen.query_one(Input).cursor_blink = False


async def asked(pilot: Pilot[Any], query: str) -> str:
    field = pilot.app.screen.query_one(Input)
    field.focus()
    field.value = query
    await pilot.press("enter")
    await until(pilot, lambda: "asking" not in state(pilot))
    return state(pilot)


def state(pilot: Pilot[Any]) -> str:
    return str(pilot.app.screen.query_one("#state", Static).render())


@SIZED
def test_picture(size: tuple[int, int], pictures: SnapshotAssertion) -> None:
    write_all(RUNS[1:4])

    async def act(pilot: Pilot[Any]) -> None:
        await opened(pilot)
        await asked(pilot, "SELECT name, calls, retries, round(cost_usd, 4) AS usd FROM runs ORDER BY name")

    assert picture(Viewer(), size, act) == pictures


def test_queries_their_history_and_the_way_to_a_run(home: Path) -> None:
    write_all(RUNS[1:])
    home.mkdir(parents=True, exist_ok=True)
    (home / "sql-history").write_text("\n# earlier\n+SELECT 1\n+AS one;\n")

    async def act(pilot: Pilot[Any]) -> None:
        await opened(pilot)
        await pilot.press("up")
        field = pilot.app.screen.query_one(Input)
        assert field.value == "SELECT 1 AS one"
        await pilot.press("down")
        assert field.value == ""
        assert "DELETE is not allowed" in await asked(pilot, "DELETE FROM runs")
        assert "nonesuch" in await asked(pilot, "SELECT * FROM nonesuch")
        assert await asked(pilot, "SELECT name FROM runs WHERE name LIKE '%[b]%'") == "1 row"
        table = pilot.app.screen.query_one(DataTable)
        assert "\x1b" not in str(table.get_row_at(0)[0])
        assert table.has_focus
        await asked(pilot, "SELECT 0.1::DOUBLE + 0.2, 3::DOUBLE, 1e300::DOUBLE, 'nan'::DOUBLE")
        assert [str(cell) for cell in table.get_row_at(0)] == ["0.3", "3.0", "1e+300", "nan"]
        await asked(pilot, "SELECT name FROM runs WHERE name LIKE '%[b]%'")
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, SqlScreen), "no run is named in the row"
        assert await asked(pilot, "SELECT range FROM range(1001)") == (
            "1,000 rows, the first of more: `tracekit sql` has all"
        )
        assert await asked(pilot, "SELECT id, name FROM runs WHERE name = 'refactoring'") == "1 row"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await pilot.press("escape")
        await pilot.press("escape")
        assert pilot.app.screen.focused is pilot.app.screen.query_one(Input)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, RunsScreen)

    drive(Viewer(), act, (120, 35))
    # The prompt of `tracekit sql` has what was asked here.
    assert "+SELECT * FROM nonesuch;" in (home / "sql-history").read_text()

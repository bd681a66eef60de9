"""Remembered settings of the viewer, and its ways out: theme, layout, copies, pager, editor, no colours."""

from __future__ import annotations

import ast
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from textual import events
from textual.pilot import Pilot
from tracekit_viewer.app import Viewer
from tracekit_viewer.render.copying import copied_forms, text_of_node
from tracekit_viewer.screens.copying import CopyScreen
from tracekit_viewer.screens.help import HelpScreen
from tracekit_viewer.screens.run import RunScreen
from tracekit_viewer.settings import SETTINGS_FILE, ViewerSettings
from tracekit_viewer.source import Recorded
from tracekit_viewer.widgets.detail import DetailPane
from tracekit_viewer.widgets.timeline import Timeline

from tests.support.reading import everything
from tests.support.screens import SIZED, checked, drive, picture, pictures, utc
from tests.support.showing import Showing
from tests.support.trees import team_run
from tests.support.waiting import LONG_S

__all__ = ["pictures", "utc"]

pytestmark = pytest.mark.usefixtures("home", "utc")


@SIZED
@pytest.mark.parametrize("keys", [("t",), ("down", "Y")], ids=["transcript", "copy"])
def test_pictures(keys: tuple[str, ...], size: tuple[int, int], pictures: SnapshotAssertion) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await checked(pilot)
        await pilot.press(*keys)
        await pilot.pause(0.3)

    assert picture(Showing(Recorded(everything())), size, act) == pictures


def test_theme_and_layout_are_remembered(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)

    async def choose(pilot: Pilot[Any]) -> None:
        pane = pilot.app.screen.query_one(DetailPane)
        wide = pane.size.width
        await pilot.press("T", "less_than_sign", "a")
        await pilot.pause()
        assert pilot.app.theme == "tracekit-light"
        assert pane.size.width > wide
        kept = pane.size.width
        # The mouse moves the line, too.
        await pilot.press("greater_than_sign", "greater_than_sign")
        await pilot.pause()
        assert pane.size.width < wide
        pane.post_message(_mouse(events.MouseDown, pane, pane.region.x, pane.region.y + 3))
        await pilot.pause()
        pane.post_message(_mouse(events.MouseMove, pane, pilot.app.size.width // 2, pane.region.y + 3))
        pane.post_message(_mouse(events.MouseUp, pane, pilot.app.size.width // 2, pane.region.y + 3))
        await pilot.pause()
        assert pane.size.width == kept

    drive(Showing(Recorded(team_run())), choose, (200, 60))
    values = json.loads((home / SETTINGS_FILE).read_text())
    assert values == {"lanes": False, "split_wide": 50, "theme": "tracekit-light"}

    async def again(pilot: Pilot[Any]) -> None:
        assert pilot.app.theme == "tracekit-light"
        assert pilot.app.screen.has_class("-no-lanes")
        assert pilot.app.screen.has_class("-split-50")
        await pilot.press("T", "T")
        assert pilot.app.theme == "tracekit"

    drive(Showing(Recorded(team_run())), again, (200, 60))


def _mouse(kind: type[Any], widget: Any, x: int, y: int) -> Any:
    return kind(widget, x - widget.region.x, y - widget.region.y, 0, 0, 1, False, False, False, x, y)


def test_settings_that_cannot_be_read_or_written_are_no_fault(home: Path) -> None:
    ViewerSettings().keep("theme", "tracekit")
    assert not home.exists() or not (home / SETTINGS_FILE).exists() or ViewerSettings().text("theme") == "tracekit"
    home.mkdir(parents=True, exist_ok=True)
    for text in ("{", "[1]", "[" * 200_000, '{"theme": 7, "lanes": "yes", "split_wide": true}'):
        (home / SETTINGS_FILE).write_text(text)
        settings = ViewerSettings()
        assert (settings.text("theme"), settings.flag("lanes"), settings.number("split_wide")) == (None, None, None)
    settings.keep("theme", "tracekit-light")
    assert ViewerSettings().text("theme") == "tracekit-light"
    settings.keep("theme", None)
    assert "theme" not in json.loads((home / SETTINGS_FILE).read_text())


def test_a_light_terminal_has_the_light_theme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORFGBG", "0;15")
    assert Viewer().theme == "tracekit-light"
    monkeypatch.setenv("COLORFGBG", "15;0")
    assert Viewer().theme == "tracekit"


def test_copied_forms_can_be_used() -> None:
    run = everything()
    calls = [each for each in run.root.walk() if each.kind == "llm"]
    call = next(each for each in calls if {"curl", "Python"} <= set(copied_forms(run, each)))
    forms = copied_forms(run, call)
    request = json.loads(forms["JSON"]())["request"]
    words = shlex.split(forms["curl"]().replace("\\\n", ""))
    assert words[0] == "curl"
    assert words[1].endswith("/v1/messages")
    assert json.loads(words[words.index("--data-binary") + 1]) == request
    tree = ast.parse(forms["Python"]())
    made = next(each for each in ast.walk(tree) if isinstance(each, ast.Call) and each.keywords)
    arguments = {each.arg: ast.literal_eval(each.value) for each in made.keywords}
    assert arguments == {name: value for name, value in request.items() if name != "stream"}
    tool = next(each for each in run.root.walk() if each.kind == "tool")
    assert set(copied_forms(run, tool)) == {"text", "JSON", "pytest test of the run"}
    compile(copied_forms(run, tool)["pytest test of the run"](), "test_run.py", "exec")
    assert json.loads(copied_forms(run, tool)["JSON"]())["id"] == tool.id
    assert "shop/cart.py" in text_of_node(run, run.root)


def test_copying_paging_and_editing(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(Viewer, "copy_to_clipboard", lambda _, text: copied.append(text))

    async def act(pilot: Pilot[Any]) -> None:
        screen = pilot.app.screen
        timeline = screen.query_one(Timeline)
        timeline.go_to(0)
        await pilot.press("Y")
        assert isinstance(pilot.app.screen, CopyScreen)
        await pilot.press("2")
        await pilot.pause()
        assert json.loads(copied[-1])["kind"] == "run"
        await pilot.press("Y", "enter")
        await pilot.pause()
        assert "Refactor the shop" in copied[-1]
        await pilot.press("Y", "escape")
        assert pilot.app.screen is screen
        # A terminal of a test cannot be lent to another program: that is told.
        await pilot.press("v", "V")
        told = [note.message for note in pilot.app._notifications]
        assert sum("cannot run another program" in each for each in told) == 2, told
        monkeypatch.setenv("EDITOR", "vi '")
        await pilot.press("V")
        assert [note.message for note in pilot.app._notifications][-1].startswith("vi ' is no command line (")

    drive(Showing(Recorded(everything())), act, (120, 35))


def test_the_help_is_true_for_the_pane_that_has_the_focus() -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await checked(pilot)
        titles, lines = await _helped(pilot)
        assert titles[0] == "Moving"
        assert "Reading, in the detail pane" in titles
        assert any("Zoom to the cursor's span" in line for line in lines)
        await pilot.press("enter")
        titles, lines = await _helped(pilot)
        assert titles[0] == "Reading"
        assert any("Read on the whole screen" in line for line in lines)
        assert not any("Zoom to the cursor's span" in line for line in lines), "z is the pane's"
        footer = [binding.key for binding in _shown(pilot)]
        assert footer[:3] == ["question_mark", "q", "ctrl+p"]

    drive(Showing(Recorded(team_run())), act, (120, 50))


def _shown(pilot: Pilot[Any]) -> list[Any]:
    return [each.binding for each in pilot.app.screen.active_bindings.values() if each.binding.show]


async def _helped(pilot: Pilot[Any]) -> tuple[list[str], list[str]]:
    await pilot.press("question_mark")
    screen = pilot.app.screen
    assert isinstance(screen, HelpScreen)
    lines = screen._text().plain.splitlines()
    await pilot.press("escape")
    assert isinstance(pilot.app.screen, RunScreen)
    return [line for line in lines if line and not line.startswith(" ")], lines


SCRIPT = """
import sys
from tracekit_viewer.app import Viewer
class Shown(Viewer):
    def on_ready(self):
        self.set_timer(1.0, self.press)
    def press(self):
        self.screen.action_read()
        self.set_timer(0.5, self.exit)
Shown(sys.argv[1]).run()
"""


def test_without_colour_no_colour_reaches_the_terminal(home: Path) -> None:
    run = Path(__file__).parents[2] / "fixtures/runs/refactoring.jsonl"
    parent, child = pty.openpty()
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "35"}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(run)], stdin=child, stdout=child, stderr=child, env=environment
    )
    os.close(child)
    said = bytearray()
    while True:
        try:
            piece = os.read(parent, 65536)
        except OSError:
            break
        if not piece:
            break
        said += piece
    os.close(parent)
    assert process.wait(60) == 0
    text = said.decode("utf-8", "replace")
    assert "analysis_agent" in text
    codes = {code for each in re.findall(r"\x1b\[([0-9;]*)m", text) for code in each.split(";")}
    # Bold, dim, italic, underline, reverse and their ends, and the terminal's own two colours.
    assert codes <= {"", "0", "1", "2", "3", "4", "7", "22", "23", "24", "27", "39", "49"}, codes


def test_a_viewer_whose_terminal_is_gone_without_a_signal_ends(home: Path) -> None:
    run = Path(__file__).parents[2] / "fixtures/runs/refactoring.jsonl"
    parent, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "35"}
    code = "import sys; from tracekit_viewer.app import view; view(sys.argv[1])"
    # The terminal is not the controlling one of the process, so nothing tells the process when it goes.
    # Nor does a signal that is ignored, as below `nohup`.
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", sys.executable, "-c", code, str(run)],
        stdin=child,
        stdout=child,
        stderr=child,
        env=environment,
    )
    os.close(child)
    try:
        said = b""
        while b"analysis_agent" not in said:
            said += os.read(parent, 65536)
        os.close(parent)
        assert process.wait(LONG_S) == -signal.SIGHUP
    finally:
        process.kill()
        process.wait()

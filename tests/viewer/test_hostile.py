"""A hostile run in every screen and tab, and in `show`: all of it reaches the terminal as text."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support.cli import environment
from tests.support.hostile import CLASSES, PLANTED, record, write
from tests.support.raw_terminal import RawTerminal, smuggled, words

pytestmark = pytest.mark.slow

MARKERS = [f"EVIL{number:02d}" for number in range(1, len(CLASSES) + 1)]
DOWN, PAGE, END, ESCAPE = "j", "\x06", "G", "\x1b"


def assert_harmless(raw: bytes) -> None:
    assert smuggled(raw) == []
    text = raw.decode("utf-8", "replace")
    assert [each for each in PLANTED if each in text] == []


def tracekit_on_terminal(home: Path, *arguments: str) -> bytes:
    with RawTerminal([sys.executable, "-m", "tracekit", *arguments], environment(home)) as terminal:
        terminal.to_end()
        return terminal.raw


def viewed(home: Path, run: str, nodes: int) -> bytes:
    """Return the viewer's output while each of the first `nodes` rows is shown in each tab."""
    command = [sys.executable, "-m", "tracekit", "view", run]
    with RawTerminal(command, environment(home), (110, 150)) as terminal:
        terminal.until("Quit")
        terminal.settle(0.5)
        # A row for every node, and the detail, which is closed at this width.
        terminal.press("x")
        terminal.press("d")
        terminal.until("Conversation")
        terminal.settle(0.5)
        for _ in range(nodes):
            terminal.press("\rz")
            for keys in ("2", "3", "4", "5", "1", "w", PAGE, PAGE, PAGE, "o" + END):
                terminal.press(keys)
            terminal.press("wz" + ESCAPE, quiet_s=0.15)
            terminal.press(DOWN)
        terminal.press("?", quiet_s=0.15)
        assert terminal.process.poll() is None, "it crashed"
        return terminal.raw


@pytest.mark.timeout(300)
def test_a_run_recorded_from_the_wire(recording: Path) -> None:
    run = record()
    raw = viewed(recording, run, 8)
    assert_harmless(raw)
    shown = words(raw)
    assert [marker for marker in MARKERS if marker not in shown] == []
    assert "␛[38;5;213;48;5;99mEVIL01" in shown
    assert "\\u{202e}EVIL12" in shown
    assert "[bold red]EVIL16[/]" in shown
    assert "👨👩👧 ❤ 👍 🇩🇪" in shown
    assert "नमस्ते" in shown


@pytest.mark.timeout(300)
def test_a_journal_that_says_it_everywhere(home: Path) -> None:
    raw = viewed(home, write(), 6)
    assert_harmless(raw)
    assert "EVIL04" in words(raw)


def test_the_list_of_runs(recording: Path) -> None:
    record()
    write()
    with RawTerminal([sys.executable, "-m", "tracekit", "view"], environment(recording)) as terminal:
        terminal.until("EVIL04")
        terminal.press("j")
        terminal.press("s")
        terminal.press("/")
        terminal.press("EVIL\x1b[A", quiet_s=0.3)
        assert terminal.process.poll() is None, "it crashed"
        assert_harmless(terminal.raw)


def test_show_and_ls(recording: Path) -> None:
    for run in (record(), write()):
        raw = tracekit_on_terminal(recording, "show", run, "--attempts")
        assert_harmless(raw)
        assert "EVIL04" in words(raw)
        as_json = tracekit_on_terminal(recording, "show", run, "--format", "json")
        assert_harmless(as_json)
        assert "EVIL04" in json.loads(as_json)["run"]["name"]
    raw = tracekit_on_terminal(recording, "ls")
    assert_harmless(raw)
    assert words(raw).count("␛]") == 2, "names are shortened, and what is left of them is text"
    assert_harmless(tracekit_on_terminal(recording, "ls", "--format", "json"))


def test_errors_name_runs_without_their_tricks(home: Path) -> None:
    write()
    raw = tracekit_on_terminal(home, "show", "there-is-no-such-run")
    assert_harmless(raw)
    assert "EVIL04" in words(raw)

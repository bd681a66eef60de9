"""`tracekit view`: find the viewer by its entry point, and name what is missing."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import pytest

from tests.support.cli import environment, tracekit
from tracekit.cli import view


def offering(monkeypatch: pytest.MonkeyPatch, *values: str) -> None:
    """Let the installed packages offer these viewers."""
    found = [EntryPoint("textual", value, "tracekit.view") for value in values]
    monkeypatch.setattr(view, "entry_points", lambda group: found if group == "tracekit.view" else [])


def test_the_viewer_that_ships_with_us_is_found() -> None:
    look = view.viewer()
    assert (look.__module__, look.__name__) == ("tracekit_viewer.app", "view")


def test_a_viewer_that_is_missing_or_broken_is_said_with_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    offering(monkeypatch)
    with pytest.raises(click.UsageError, match=r"no viewer is installed .*pip install"):
        view.viewer()
    offering(monkeypatch, "no_such_module:view")
    with pytest.raises(click.UsageError, match=r"cannot be loaded: No module named 'no_such_module'; `pip install"):
        view.viewer()


def test_without_a_terminal_it_says_what_works(tmp_path: Path) -> None:
    done = tracekit("view", env=environment(tmp_path / "home"))
    assert done.returncode == 2
    assert "the viewer needs a terminal" in done.stderr
    assert "tracekit show RUN" in done.stderr
    assert done.stdout == ""


def test_a_browser_that_is_served_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEXTUAL_DRIVER", raising=False)
    assert not view.is_terminal()
    monkeypatch.setenv("TEXTUAL_DRIVER", "textual.drivers.web_driver:WebDriver")
    assert view.is_terminal()


def test_the_other_commands_do_without_the_viewer(tmp_path: Path) -> None:
    code = (
        "import sys; from tracekit.cli.main import cli\n"
        "for arguments in (['ls'], ['demo', '--help'], ['view', '--help']):\n"
        "    cli(arguments, standalone_mode=False)\n"
        "assert not {'textual', 'tracekit_viewer', 'anthropic'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

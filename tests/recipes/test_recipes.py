"""The recipes of CONTRIBUTING: in one copy, each is made, and all their tests pass together."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.recipes.column import add_column
from tests.recipes.command import add_command
from tests.recipes.rule import add_rule
from tests.recipes.scratch import ROOT, RecipeError, Scratch
from tests.support.waiting import LONG_S

CONTRIBUTING = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
NUMBERS = {"Three": 3, "Four": 4, "Six": 6}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_recipes_work_and_need_as_many_files_as_they_say(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "copy")
    tests: list[str] = []
    recipes: tuple[tuple[str, Callable[[], list[str]]], ...] = (
        ("Add a rule", lambda: add_rule(scratch, "TK999", "near-full-context")),
        ("Add a command", lambda: add_command(scratch, "count")),
        ("Add a column to the runs list", lambda: add_column(scratch, "tools")),
    )
    for heading, add in recipes:
        scratch.edits.clear()
        tests += add()
        said = CONTRIBUTING.partition(f"### {heading}\n\n")[2].partition(" ")[0]
        assert len(scratch.edits) == NUMBERS[said], heading
    # Of the rules' tests only those of the new rule: the others run in the project itself.
    assert scratch.test([*tests, "-k", "not test_pages and not labelled or TK999 or manual or unique"])


def test_a_place_that_has_moved_is_named(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("twice twice")
    scratch = Scratch(tmp_path)
    with pytest.raises(RecipeError, match=r"file\.py: 'twice' stands there 2 times, not once"):
        scratch.replace("file.py", "twice", "once")
    with pytest.raises(RecipeError, match=r"file\.py exists already"):
        scratch.write("file.py", "")


def test_the_command_line_of_the_recipes(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "tests.recipes", "column", "tools", "--in", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert done.returncode == 1
    assert re.match(r"The recipe stopped: tracekit/model/summary\.py is not there", done.stderr), done.stderr

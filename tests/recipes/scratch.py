"""A copy of the project in which a recipe makes its edits and runs its tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["RecipeError", "Scratch"]

ROOT = Path(__file__).parents[2]
_COPIED = ("README.md", "fixtures", "grafana", "pyproject.toml", "tests", "tracekit", "viewer", ".github")
_LONGEST_S = 900


class RecipeError(Exception):
    """A place that a recipe edits is not where the recipe expects it, or a command of the recipe fails."""


class Scratch:
    """A folder with the project in it. `edits` lists the files that recipes wrote or changed, in order."""

    def __init__(self, folder: Path) -> None:
        """Use the project in `folder`, or copy the project there if `folder` is empty."""
        self.folder = folder
        self.edits: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            for name in _COPIED:
                source = ROOT / name
                if source.is_dir():
                    shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(source, folder / name)

    def write(self, path: str, text: str) -> None:
        """Write a new file.

        Raises:
            RecipeError: The file exists.
        """
        if (self.folder / path).exists():
            raise RecipeError(f"{path} exists already; choose another name")
        (self.folder / path).write_text(text, encoding="utf-8")
        self._note(path)

    def insert_after(self, path: str, anchor: str, text: str) -> None:
        """Insert `text` after the one place where `anchor` stands in a file."""
        self.replace(path, anchor, anchor + text)

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace the one place where `old` stands in a file.

        Raises:
            RecipeError: `old` stands there more than once or not at all, or there is no such file.
        """
        if not (self.folder / path).exists():
            raise RecipeError(f"{path} is not there; change the recipe")
        text = (self.folder / path).read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise RecipeError(f"{path}: {old!r} stands there {text.count(old)} times, not once; change the recipe")
        (self.folder / path).write_text(text.replace(old, new), encoding="utf-8")
        self._note(path)

    def run(self, *arguments: str) -> str:
        """Run Python with the copy's code, and return what it prints.

        Raises:
            RecipeError: It fails.
        """
        done = self._python(arguments)
        if done.returncode:
            raise RecipeError(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def test(self, tests: Sequence[str]) -> bool:
        """Run these tests of the copy with pytest, print its report, and return whether they pass."""
        done = self._python(["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *tests])
        print(done.stdout[-8000:], done.stderr[-4000:], sep="")
        return done.returncode == 0

    def _note(self, path: str) -> None:
        if path not in self.edits:
            self.edits.append(path)

    def _python(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        paths = os.pathsep.join([str(self.folder), str(self.folder / "viewer")])
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=_LONGEST_S,
            check=False,
        )

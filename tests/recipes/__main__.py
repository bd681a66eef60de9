"""Makes the parts of an addition to tracekit in a copy of the project, and runs their tests.

python -m tests.recipes rule TK999 [NAME] | command NAME | column NAME   [--in FOLDER]

Without --in, the copy is temporary. With --in, the copy is made in FOLDER and stays there; if FOLDER has the project in it
already, the edits are made to that: `--in .` makes them here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.recipes.column import add_column
from tests.recipes.command import add_command
from tests.recipes.rule import add_rule
from tests.recipes.scratch import RecipeError, Scratch

_NAME = "near-full-context"


def main() -> int:
    """Read the arguments and make the recipe; the exit code is 0 if the tests pass."""
    parser = argparse.ArgumentParser(prog="python -m tests.recipes", description=__doc__, formatter_class=_Text)
    kinds = parser.add_subparsers(required=True, metavar="KIND")
    rule = _kind(kinds, "rule", lambda scratch, asked: add_rule(scratch, asked.code, asked.name))
    rule.add_argument("code", help="the code, such as TK999")
    rule.add_argument("name", nargs="?", default=_NAME, help=f"words joined by hyphens; default: {_NAME}")
    command = _kind(kinds, "command", lambda scratch, asked: add_command(scratch, asked.name))
    command.add_argument("name", help="the name of the command")
    column = _kind(kinds, "column", lambda scratch, asked: add_column(scratch, asked.name))
    column.add_argument("name", help="the name of the column, in small letters")
    asked = parser.parse_args()
    try:
        if asked.folder is not None:
            return _make(Scratch(asked.folder), asked)
        with tempfile.TemporaryDirectory(prefix="tracekit-recipe-") as folder:
            return _make(Scratch(Path(folder)), asked)
    except RecipeError as error:
        print(f"The recipe stopped: {error}", file=sys.stderr)
        return 1


_Text = argparse.RawDescriptionHelpFormatter
_Add = Callable[[Scratch, argparse.Namespace], list[str]]


def _kind(kinds: argparse._SubParsersAction[argparse.ArgumentParser], name: str, add: _Add) -> argparse.ArgumentParser:
    parser = kinds.add_parser(name)
    parser.set_defaults(add=add)
    parser.add_argument("--in", dest="folder", type=Path, metavar="FOLDER", help="the folder of the copy")
    return parser


def _make(scratch: Scratch, asked: argparse.Namespace) -> int:
    """Make the edits, list them, and run their tests."""
    tests = asked.add(scratch, asked)
    print(f"{len(scratch.edits)} files written or changed in {scratch.folder}:")
    for number, path in enumerate(scratch.edits, 1):
        print(f"{number}. {path}")
    print(f"python -m pytest {' '.join(tests)}")
    return 0 if scratch.test(tests) else 1


if __name__ == "__main__":
    sys.exit(main())

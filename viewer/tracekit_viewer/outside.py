"""Show a text in the user's own pager or editor, in the terminal that the viewer leaves meanwhile."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Literal

from textual.app import App, SuspendNotSupported

from tracekit_viewer.door import printable_lines

__all__ = ["show_outside"]

_DEFAULTS = {"PAGER": "less", "EDITOR": "vi"}


def show_outside(app: App[None], text: str, variable: Literal["PAGER", "EDITOR"]) -> str:
    """Show `text` by the program that the environment `variable` names; return why that could not be done, or "".

    A pager is given what is fit for a terminal, an editor the very text, in a file that is removed afterwards.
    """
    program = os.environ.get(variable) or (os.environ.get("VISUAL") if variable == "EDITOR" else "")
    try:
        command = shlex.split(program or "") or [_DEFAULTS[variable]]
    except ValueError as error:
        return f"{program} is no command line ({error}): set {variable}"
    shown = printable_lines(text) if variable == "PAGER" else text
    with tempfile.NamedTemporaryFile("w", suffix=".md", encoding="utf-8", errors="replace", delete=False) as file:
        file.write(shown)
    try:
        with app.suspend():
            subprocess.run([*command, file.name], check=False)  # noqa: S603  the user's own program
    except SuspendNotSupported:
        return "this terminal cannot run another program"
    except OSError as error:
        return f"{' '.join(command)} cannot be run ({error.strerror or error}): set {variable}"
    finally:
        Path(file.name).unlink(missing_ok=True)
    return ""

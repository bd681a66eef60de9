"""The name of the program that this process runs."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["program_name"]


def program_name() -> str:
    """Return the name of the script or module without its suffix, or `python`."""
    path = Path(sys.argv[0] if getattr(sys, "argv", None) else "")
    # `python -m package` runs the package's `__main__.py`; `python -c` and an interpreter name no file.
    name = path.parent.name if path.name == "__main__.py" else path.stem
    return name if name not in ("", "-c", "-m") else "python"

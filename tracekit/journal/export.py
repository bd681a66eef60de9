"""One file of a run's segments: to keep, to send, to replay."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tracekit.errors import JournalError
from tracekit.journal.decode import read_header

__all__ = ["export"]


def export(paths: Iterable[Path], out: Path) -> None:
    """Join the segments at `paths` into the file `out`, each with its header. A last line that is cut is left out.

    The file is there as a whole or not at all; one that is there already is replaced. It is for the user alone.

    Raises:
        JournalError: A segment is no journal or cannot be read, or `out` cannot be written.
    """
    segments = sorted(paths)
    if any(path.exists() and out.exists() and path.samefile(out) for path in segments):
        raise JournalError(f"{out} is a journal of the very run; export to another file")
    try:
        descriptor, draft = tempfile.mkstemp(prefix=f".{out.name}.", suffix=".new", dir=out.parent)
    except OSError as error:
        raise JournalError(
            f"{out} cannot be written: {error.strerror}; export to a folder that you can write to"
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            for path in segments:
                file.writelines(_whole_lines(path))
        Path(draft).replace(out)
    except OSError as error:
        raise JournalError(f"{out} cannot be written: {error.strerror}") from error
    finally:
        Path(draft).unlink(missing_ok=True)


def _whole_lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file):
                if number == 0:
                    read_header(line, str(path))
                if line.endswith(b"\n"):
                    yield line
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}") from error

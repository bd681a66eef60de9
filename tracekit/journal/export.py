"""One file of a run's segments: to keep, to send, to replay."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tracekit.errors import JournalError, SecretsError
from tracekit.journal.decode import read_header
from tracekit.journal.suspects import suspects_in

__all__ = ["export"]


def export(paths: Iterable[Path], out: Path, *, allow_secrets: bool = False) -> None:
    """Join the segments at `paths` into the file `out`, each with its header. A last line that is cut is left out.

    The file is there as a whole or not at all; one that is there already is replaced. It is for the user alone.

    Raises:
        SecretsError: A line holds what looks like a credential, unless `allow_secrets`.
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
                lines = _whole_lines(path)
                file.writelines(lines if allow_secrets else _without_suspects(lines, path))
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


def _without_suspects(lines: Iterable[bytes], path: Path) -> Iterator[bytes]:
    for number, line in enumerate(lines, 1):
        suspects = list(suspects_in(line.decode("utf-8", "replace")))
        if suspects:
            more = f" and {len(suspects) - 3} more" if len(suspects) > 3 else ""
            raise SecretsError(
                f"nothing is exported: line {number} of {path} holds what looks like a credential: "
                f"{', '.join(suspects[:3])}{more}. If it is none, export with --allow-secrets; if it is one, revoke it, and "
                "add a rule to [tool.tracekit.redact] so that the next recording leaves it out"
            )
        yield line

"""One file of a run's segments: to keep, to send, to replay."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path

from tracekit.errors import JournalError, SecretsError
from tracekit.journal.bodies import compact
from tracekit.journal.decode import HEADER_START, read_header
from tracekit.journal.normal import neutral
from tracekit.journal.normal import normal as normal_form
from tracekit.journal.steady import steady
from tracekit.journal.suspects import suspects_in

__all__ = ["export"]

_MOST_STEADY = 50_000_000
"""Bytes of a segment above which nobody reads what was changed in it: it is copied as it is, line by line."""


def export(
    paths: Iterable[Path], out: Path, *, normal: bool = False, allow_secrets: bool = False, shared: bool = False
) -> Sequence[str]:
    """Join the segments at `paths` into the file `out`, each with its header. A last line that is cut is left out.

    No header tells of the machine and the process that wrote it. With `normal`, the file is the run's normal form. The
    file is there as a whole or not at all; one that is there already is replaced. It is for the user alone, or, if it is
    `shared`, for those whom the umask allows to read it, and in the steady form, which a repository keeps well.

    Returns:
        What of the segments could not be read and so is missing from a normal form.

    Raises:
        SecretsError: A line holds what looks like a credential, unless `allow_secrets`.
        JournalError: A segment is no journal or cannot be read, or `out` cannot be written.
    """
    segments = sorted(paths)
    if any(path.exists() and out.exists() and path.samefile(out) for path in segments):
        raise JournalError(f"{out} is a journal of the very run; export to another file")
    form = normal_form(segments) if normal else None
    try:
        descriptor, draft = tempfile.mkstemp(prefix=f".{out.name}.", suffix=".new", dir=out.parent)
        if shared:
            Path(draft).chmod(_mode_of_new(out.parent))
    except OSError as error:
        raise JournalError(
            f"{out} cannot be written: {error.strerror}; export to a folder that you can write to"
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            numbers = count(1)
            for path, lines in [(out, form.lines)] if form else [(path, _lines(path, numbers)) for path in segments]:
                checked = lines if allow_secrets else _without_suspects(lines, path)
                is_steady = shared and form is None and path.stat().st_size <= _MOST_STEADY
                file.writelines(_steady(checked) if is_steady else checked)
        Path(draft).replace(out)
    except OSError as error:
        raise JournalError(f"{out} cannot be written: {error.strerror}") from error
    finally:
        Path(draft).unlink(missing_ok=True)
    return form.damage if form else ()


def _steady(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The steady form of each segment in `lines`."""
    segment: list[bytes] = []
    for line in lines:
        if line.startswith(HEADER_START) and segment:
            yield from steady(segment)
            segment = []
        segment.append(line)
    if segment:
        yield from steady(segment)


def _mode_of_new(folder: Path) -> int:
    """The mode that a new file gets in `folder`. To ask for the umask itself would change it for other threads."""
    with tempfile.TemporaryDirectory(prefix=".", suffix=".new", dir=folder) as inner:
        probe = Path(inner) / "mode"
        probe.touch()
        return probe.stat().st_mode & 0o777


def _lines(path: Path, numbers: Iterator[int]) -> Iterator[bytes]:
    """The whole lines of the file at `path`, its headers neutral: each with the next of `numbers` for its process."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file):
                is_header = number == 0 or line.startswith(HEADER_START)
                if is_header:
                    header = neutral(read_header(line, str(path)), next(numbers))
                if line.endswith(b"\n"):
                    yield f"{compact(header)}\n".encode() if is_header else line
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

"""One file of a run's segments: to keep, to send, to replay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path

from tracekit.errors import JournalError, SecretsError
from tracekit.journal.bodies import compact
from tracekit.journal.decode import HEADER_START, read_header
from tracekit.journal.files import open_regular
from tracekit.journal.normal import neutral
from tracekit.journal.normal import normal as normal_form
from tracekit.journal.spelled import Spelled, spelled_in
from tracekit.journal.steady import steady
from tracekit.output import output
from tracekit.privacy import Privacy, own_suspects_in, project_privacy, suspects_in

__all__ = ["export"]

_MOST_STEADY = 50_000_000
"""Bytes of a segment above which nobody reads what was changed in it: it is copied as it is, line by line."""


def export(
    paths: Iterable[Path], out: Path, *, normal: bool = False, allow_secrets: bool = False, shared: bool = False
) -> Sequence[str]:
    """Join the segments at `paths` into the file `out`, with their headers. An incomplete last line is left out.

    No header tells of the machine and the process that wrote it. With `normal`, the file is the run's normal form. `out`
    is written as `tracekit.output` says; if it is `shared`, a new file is for those whom the umask allows to read it,
    and in the steady form, which a repository keeps well.

    Returns:
        What of the segments could not be read and so is missing from a normal form.

    Raises:
        SecretsError: A line holds what looks like a credential, unless `allow_secrets`.
        JournalError: A segment is no journal or cannot be read.
        OutputError: `out` cannot be written.
    """
    segments = sorted(paths)
    if any(path.exists() and out.exists() and path.samefile(out) for path in segments):
        raise JournalError(f"{out} is a journal of the very run; export to another file")
    form = normal_form(segments) if normal else None
    privacy, spelled = project_privacy(), _spelled(segments)
    for path, found in spelled.items() if not allow_secrets else ():
        for line, suspect in found.suspects:
            _refuse([suspect], line + 1, path)
    with output(out, shared=shared) as draft, draft.open("wb") as file:
        numbers = count(1)
        for path, lines in (
            [(out, form.lines)] if form else [(path, _lines(path, numbers, spelled[path])) for path in segments]
        ):
            checked = lines if allow_secrets else _without_suspects(lines, path, privacy)
            is_steady = shared and form is None and path.stat().st_size <= _MOST_STEADY
            file.writelines(_steady(checked) if is_steady else checked)
    return form.damage if form else ()


def _spelled(segments: Iterable[Path]) -> dict[Path, Spelled]:
    try:
        return {path: spelled_in(path) for path in segments}
    except OSError as error:
        raise JournalError(f"{error.filename} cannot be read: {error.strerror}") from error


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


def _lines(path: Path, numbers: Iterator[int], spelled: Spelled) -> Iterator[bytes]:
    """The whole lines of the file at `path`, its headers neutral: each with the next of `numbers` for its process."""
    try:
        with open_regular(path) as file:
            for number, line in enumerate(file):
                is_header = number == 0 or line.startswith(HEADER_START)
                if is_header:
                    header = neutral(read_header(line, str(path)), next(numbers))
                if line.endswith(b"\n"):
                    yield (
                        f"{compact(header)}\n".encode("utf-8", "backslashreplace")
                        if is_header
                        else spelled.lines.get(number, line)
                    )
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}") from error


def _without_suspects(lines: Iterable[bytes], path: Path, privacy: Privacy) -> Iterator[bytes]:
    for number, line in enumerate(lines, 1):
        _refuse(list(suspects_in(line.decode("utf-8", "replace"))), number, path)
        if not line.startswith(HEADER_START):
            _refuse(own_suspects_in(line, privacy), number, path)
        yield line


def _refuse(suspects: Sequence[str], number: int, path: Path) -> None:
    """Raise for what looks like a credential.

    Raises:
        SecretsError: There is something in `suspects`.
    """
    if suspects:
        more = f" and {len(suspects) - 3} more" if len(suspects) > 3 else ""
        raise SecretsError(
            f"nothing is exported: line {number} of {path} holds what looks like a credential: "
            f"{', '.join(suspects[:3])}{more}. If it is not a credential, export with --allow-secrets; if it is, revoke it, and "
            "add a rule to [tool.tracekit.redact] so that the next recording leaves it out"
        )

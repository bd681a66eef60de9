"""Output files: written completely or not at all, and never in place of a device or FIFO.

A regular file is replaced, with the permissions that it had; a new one is for the user alone. A link is followed. A device
or a FIFO is written into, and so is a file that is already our standard output.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tracekit.errors import OutputError

__all__ = ["output"]

_LONGEST_NAME = 60
_STANDARD = (1, 2)


@contextmanager
def output(path: Path, *, shared: bool = False) -> Iterator[Path]:
    """Yield an empty file whose content, at the end of the block, becomes the content of `path`.

    If the block raises, `path` stays as it is. A file that is `shared` is for those whom the umask allows to read it.

    Raises:
        OutputError: `path` cannot be written.
    """
    try:
        standard, target = _standard_output(path), Path(os.path.realpath(path))
        before = target.stat() if target.exists() else None
        is_replaced = standard is None and (before is None or stat.S_ISREG(before.st_mode))
        draft = _draft(target) if is_replaced else _draft(None)
    except OSError as error:
        raise _refused(path, error, "give a file in a folder that you can write to") from error
    try:
        yield draft
        try:
            if is_replaced:
                kept = stat.S_IMODE(before.st_mode) & 0o777 if before is not None else 0o600
                draft.chmod(_mode_of_new(target.parent) if shared else kept)
                draft.replace(target)
            else:
                _copy(draft, path, standard)
        except OSError as error:
            raise _refused(path, error, "what it held before is not changed" if is_replaced else "") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _mode_of_new(folder: Path) -> int:
    """Return a new file's mode in `folder`. Reading the umask itself would change it for other threads."""
    with tempfile.TemporaryDirectory(prefix=".", suffix=".new", dir=folder) as inner:
        probe = Path(inner) / "mode"
        probe.touch()
        return probe.stat().st_mode & 0o777


def _standard_output(path: Path) -> int | None:
    """Return which of our own streams `path` is, such as ``/dev/stdout``; None if it is another file."""
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    for descriptor in _STANDARD:
        with suppress(OSError):
            if os.path.samestat(state, os.fstat(descriptor)) and not stat.S_ISCHR(state.st_mode):
                return descriptor
    return None


def _draft(target: Path | None) -> Path:
    if target is None:
        descriptor, name = tempfile.mkstemp(prefix="tracekit-")
    else:
        if target.is_dir():
            raise IsADirectoryError(None, "Is a directory")
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:_LONGEST_NAME]}.", suffix=".new", dir=target.parent)
    os.close(descriptor)
    return Path(name)


def _copy(draft: Path, path: Path, standard: int | None) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC) if standard is None else os.dup(standard)
    with draft.open("rb") as source, os.fdopen(descriptor, "wb") as out:
        shutil.copyfileobj(source, out)


def _refused(path: Path, error: OSError, advice: str) -> OutputError:
    return OutputError(f"{path} cannot be written: {error.strerror or error}{f'; {advice}' if advice else ''}")

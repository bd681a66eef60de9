"""The state of files by which an import knows what it has read before."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

from tracekit.origin import pass_on

__all__ = ["file_digest", "stamp_of"]


def file_digest(path: Path) -> str:
    """Return a digest of the path of a file, since a journal must not name a user's folders."""
    return blake2b(os.fsencode(path.absolute()), digest_size=8).hexdigest()


def stamp_of(path: Path) -> tuple[str, tuple[int, int]] | None:
    """Return the digest of a path, with the file's size in bytes and its last change in nanoseconds."""
    try:
        stat = path.stat()
    except OSError as error:
        pass_on(error)
        return None
    return file_digest(path), (stat.st_size, stat.st_mtime_ns)

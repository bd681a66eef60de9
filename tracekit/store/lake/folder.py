"""The folder of a lake, on this machine or behind fsspec. Its files appear whole, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from typing_extensions import override

from tracekit.errors import LakeError

__all__ = ["DRAFTS", "MARKER", "LakeFolder", "LocalFolder", "folder_of"]

MARKER = "tracekit-lake.json"
"""The file by which a lake is known."""

DRAFTS = ".drafts"
"""The folder of files that are being written. What a killed writer left there is removed after a day."""

_FORMAT = b'{"format": 1}\n'
_OLD_S = 24 * 3600
_WHOLE_AT_ONCE = frozenset({"abfs", "abfss", "adl", "az", "gcs", "gs", "s3", "s3a"})
"""Object stores: an upload appears whole, when it has ended; renaming would copy it."""


class LakeFolder(ABC):
    """A lake's folder. File names are relative to it, with slashes.

    Args:
        url: As the user gave it.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    @abstractmethod
    def root(self) -> str:
        """The folder as DuckDB takes it, without a slash at the end."""

    @property
    def filesystem(self) -> Any:
        """The file system that DuckDB has to ask; None for its own."""
        return None

    def open_for_reading(self) -> None:
        """Check that this is a lake.

        Raises:
            LakeError: It is none, or cannot be read.
        """
        with self._translated("read"):
            if not self._exists(MARKER):
                raise LakeError(
                    f"{self.url} is no lake: it has no {MARKER}; `tracekit collect --lake {self.url}` makes a lake"
                )

    def open_for_writing(self) -> None:
        """Make a lake of a folder that is missing or empty, and remove old drafts.

        Raises:
            LakeError: The folder holds other files, or cannot be written.
        """
        with self._translated("written"):
            if not self._exists(MARKER):
                if not self._is_empty():
                    raise LakeError(f"{self.url} is no lake, and is not empty: give a new or an empty folder")
                with self.drafts("marker") as folder:
                    (folder / MARKER).write_bytes(_FORMAT)
                    self._put(folder / MARKER, MARKER)
            self._remove_drafts(time.time() - _OLD_S)

    @contextmanager
    def drafts(self, name: str) -> Iterator[Path]:
        """Give a folder on this machine for files that `put` takes; `name` is part of its name."""
        with self._translated("written"):
            folder = self._draft_folder(name)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def put(self, draft: Path, name: str) -> None:
        """Let the file `draft` become the file `name`, which readers see whole or not at all.

        Raises:
            LakeError: It cannot be written.
        """
        with self._translated("written"):
            self._put(draft, name)

    def files(self, folder: str) -> list[str]:
        """Return the names of the Parquet files below `folder`, in order.

        Raises:
            LakeError: The lake cannot be read.
        """
        with self._translated("read"):
            return sorted(name for name in self._files(folder) if name.endswith(".parquet"))

    @contextmanager
    def _translated(self, done: str) -> Iterator[None]:
        try:
            yield
        except LakeError:
            raise
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            raise LakeError(f"the lake {self.url} cannot be {done}: {error.strerror or error}{where}") from error

    @abstractmethod
    def _exists(self, name: str) -> bool: ...

    @abstractmethod
    def _is_empty(self) -> bool: ...

    @abstractmethod
    def _files(self, folder: str) -> Iterator[str]: ...

    @abstractmethod
    def _draft_folder(self, name: str) -> Path: ...

    @abstractmethod
    def _put(self, draft: Path, name: str) -> None: ...

    @abstractmethod
    def _remove_drafts(self, before: float) -> None: ...


class LocalFolder(LakeFolder):
    """A folder on this machine or on a network drive."""

    def __init__(self, url: str, path: Path) -> None:
        super().__init__(url)
        self._path = path

    @property
    @override
    def root(self) -> str:
        return str(self._path)

    @override
    def _exists(self, name: str) -> bool:
        # `Path.exists` would take a refusal for a no.
        try:
            (self._path / name).stat()
        except FileNotFoundError:
            return False
        return True

    @override
    def _is_empty(self) -> bool:
        try:
            return all(path.name == DRAFTS for path in self._path.iterdir())
        except FileNotFoundError:
            return True

    @override
    def _files(self, folder: str) -> Iterator[str]:
        def fail(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError):
                raise error

        for parent, _, names in os.walk(self._path / folder, onerror=fail):
            below = Path(parent).relative_to(self._path).as_posix()
            yield from (f"{below}/{name}" for name in names)

    @override
    def _draft_folder(self, name: str) -> Path:
        drafts = self._path / DRAFTS
        drafts.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{name}.", dir=drafts))

    @override
    def _put(self, draft: Path, name: str) -> None:
        target = self._path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(target)

    @override
    def _remove_drafts(self, before: float) -> None:
        # Another writer may remove the same.
        drafts = self._path / DRAFTS
        for draft in drafts.iterdir() if drafts.exists() else ():
            with suppress(FileNotFoundError):
                if draft.stat().st_mtime < before:
                    shutil.rmtree(draft, ignore_errors=True)


class RemoteFolder(LakeFolder):
    """A folder that fsspec opens: in S3, GCS, Azure, or over SSH."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        try:
            import fsspec  # noqa: PLC0415  an extra
        except ImportError as error:
            raise LakeError(
                f"{url} is no folder of this machine, and fsspec, which opens it, is missing: "
                "pip install 'tracekit-agents[lake]'"
            ) from error
        with self._translated("opened"):
            self._fs, self._path = fsspec.core.url_to_fs(url.rstrip("/"))
        self._is_whole_at_once = bool(_WHOLE_AT_ONCE & {self._fs.protocol, *self._fs.protocol})

    @property
    @override
    def root(self) -> str:
        return str(self._fs.unstrip_protocol(self._path))

    @property
    @override
    def filesystem(self) -> Any:
        return self._fs

    @contextmanager
    @override
    def _translated(self, done: str) -> Iterator[None]:
        try:
            yield
        except LakeError:
            raise
        except Exception as error:
            # Each store has errors of its own.
            raise LakeError(f"the lake {self.url} cannot be {done}: {str(error) or type(error).__name__}") from error

    @override
    def _exists(self, name: str) -> bool:
        self._fs.invalidate_cache()
        return bool(self._fs.exists(f"{self._path}/{name}"))

    @override
    def _is_empty(self) -> bool:
        return not any(self._names(""))

    @override
    def _files(self, folder: str) -> Iterator[str]:
        self._fs.invalidate_cache()
        return self._names(folder)

    def _names(self, folder: str) -> Iterator[str]:
        """Yield the files below `folder`, relative to the lake."""
        root = str(self._fs._strip_protocol(self._path)).rstrip("/")  # noqa: SLF001  fsspec documents it for this
        for name in self._fs.find(f"{root}/{folder}".rstrip("/")):
            yield str(name)[len(root) + 1 :]

    @override
    def _draft_folder(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"tracekit-{name}."))

    @override
    def _put(self, draft: Path, name: str) -> None:
        target = f"{self._path}/{name}"
        if self._is_whole_at_once:
            self._fs.put_file(str(draft), target)
            return
        aside = f"{self._path}/{DRAFTS}/{draft.parent.name}.{draft.name}"
        for path in (aside, target):
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._fs.put_file(str(draft), aside)
        self._fs.mv(aside, target)

    @override
    def _remove_drafts(self, before: float) -> None:
        if self._is_whole_at_once:
            return
        for name in self._names(DRAFTS):
            with suppress(FileNotFoundError):
                path = f"{self._path}/{name}"
                if self._fs.modified(path).timestamp() < before:
                    self._fs.rm_file(path)


def folder_of(url: str) -> LakeFolder:
    """Return the lake that `url` means: a path, a ``file://`` URL, or a URL for fsspec.

    Raises:
        LakeError: fsspec, or what it needs for such URLs, is missing.
    """
    scheme, separator, _ = url.partition("://")
    if not separator:
        return LocalFolder(url, Path(url).expanduser().absolute())
    if scheme == "file":
        return LocalFolder(url, Path(unquote(urlsplit(url).path)))
    return RemoteFolder(url)

"""Writes journals: one segment per run and process, one `write(2)` for the lines of events that belong together.

A line is on its way to the disk before the call that it tells of returns to the user's code, so it survives the
process (not a power cut). A lock on the file says that the writer lives; it goes with the process, however that ends.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tracekit.errors import HomeError, JournalError
from tracekit.journal.descriptors import moving, take_lock
from tracekit.journal.home import HOME_VARIABLE, make_day_folder, runs_folder
from tracekit.journal.process import file_host, identity
from tracekit.model.events import Event, Exit, SpanBegin, SpanEnd
from tracekit.model.run import RunInfo
from tracekit.origin import finish, pass_on
from tracekit.privacy import Privacy, project_privacy
from tracekit.system_clock import day_of, wall_ns

if TYPE_CHECKING:
    from tracekit.journal.encode import Encoder

__all__ = ["FORMAT_VERSION", "JournalSink", "SegmentWriter"]

FORMAT_VERSION = 1

_log = logging.getLogger("tracekit")

_MOST_IDLE = 256
_MOST_FAILED = 4096
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
_LONGEST_PROBE_S = 0.1
"""How long to wait for a reader's probe to pass, which takes microseconds unless its process is put aside meanwhile."""


class JournalSink:
    """Keeps a segment for each run that this process takes part in.

    `service` names the service whose spans the process's are, for who exports them later; "" where nobody knows.
    `hash_seed` is the seed by which the run can be replayed, None where it is not known.

    Raises:
        SettingsError: The user's rules of redaction cannot be used; recording without them could keep what must not be.
    """

    def __init__(
        self,
        versions: dict[str, str] | None = None,
        service: Callable[[], str] = str,
        hash_seed: int | None = None,
    ) -> None:
        self.privacy = project_privacy()
        self._keeping = _Keeping(versions or {}, self.privacy, service, hash_seed, set())
        self._segments: OrderedDict[str, SegmentWriter] = OrderedDict()
        self._lock = threading.RLock()
        self._pid = os.getpid()

    def write(self, run: RunInfo, *events: Event) -> None:
        """Append `events` to the run's segment, all together."""
        if os.getpid() != self._pid:
            # Forked without Python, so that nobody has said so.
            self.forked()
        while not (self._segments.get(run.id) or self._segment(run)).write(*events):
            """It was forgotten between the two calls."""

    def release(self, run: RunInfo) -> None:
        """Close the run's segment; a later event reopens it."""
        with self._lock:
            segment = self._segments.get(run.id)
            if segment is not None:
                self._segments.move_to_end(run.id)
        if segment is not None:
            segment.release()

    def has_others(self, run: RunInfo) -> bool:
        """Return whether other processes have written segments of `run`."""
        own = f".{os.getpid()}"
        return any(not path.stem.partition("-")[0].endswith(own) for path in runs_folder().glob(f"*/{run.id}.*.jsonl"))

    def forked(self) -> None:
        """Close the parent's segments without writing to them."""
        for segment in self._segments.values():
            segment.abandon()
        self._segments = OrderedDict()
        self._lock = threading.RLock()
        self._pid = os.getpid()

    def exit(self, at_ns: int) -> None:
        """Say in every segment that is open that the process ends in good order."""
        if os.getpid() != self._pid:
            self.forked()
        for segment in list(self._segments.values()):
            if segment.is_open:
                segment.write(Exit(at_ns))
                segment.close()

    def _segment(self, run: RunInfo) -> SegmentWriter:
        segment = self._segments.get(run.id)
        if segment is None:
            with self._lock:
                segment = self._segments.get(run.id)
                if segment is None:
                    self._forget_idle()
                    segment = self._segments[run.id] = SegmentWriter(run, self._keeping)
        return segment

    def _forget_idle(self) -> None:
        """Bound what is remembered of runs that are over, as in a server that starts one a request."""
        if len(self._segments) <= _MOST_IDLE:
            return
        segments = list(self._segments.items())
        idle = [key for key, segment in segments if not segment.is_open and not segment.failed]
        failed = [key for key, segment in segments if segment.failed]
        for key in idle[: -_MOST_IDLE or None] + failed[: -_MOST_FAILED or None]:
            if self._segments[key].retire():
                del self._segments[key]


class _Keeping(NamedTuple):
    """The common header of a process's segments, and the rules of what is kept.

    `said` are the kinds of failures of which the user knows.
    """

    versions: dict[str, str]
    privacy: Privacy
    service: Callable[[], str]
    hash_seed: int | None
    said: set[object]

    def is_news(self, error: Exception) -> bool:
        """Return whether `error` was not reported yet in this process: a full disk causes one for each run."""
        kind = (type(error), getattr(error, "errno", None), os.environ.get(HOME_VARIABLE))
        is_news = kind not in self.said
        self.said.add(kind)
        return is_news


class SegmentWriter:
    """Append to one segment. After a disk failure, warn once and stay silent for the rest of the run."""

    def __init__(self, run: RunInfo, keeping: _Keeping) -> None:
        self.failed = False
        self._run = run
        self._keeping = keeping
        self._privacy = keeping.privacy.for_segment()
        self._encoder = _new_encoder()
        self._path: Path | None = None
        self._file = -1
        self._locked = False
        self._writing = 0
        self._close_after = False
        self._retired = False
        self._spans: set[str] = set()
        self._lock = threading.RLock()

    @property
    def is_open(self) -> bool:
        """Return whether the file is held."""
        return self._file >= 0

    def write(self, *events: Event) -> bool:
        """Append the lines for `events`. False, and nothing is written, if the writer has been retired.

        A request is told by what it adds to an earlier one, so both are made into lines and written in one order. A
        finaliser or a signal may break in on the same thread, hence the count.
        """
        with self._lock:
            if self._retired:
                return False
            self._writing += 1
            progress = _Progress(events)
            try:
                self._append(progress)
            except BaseException as cut:  # noqa: BLE001  `finish` raises it
                finish(partial(self._append, progress), cut)
            finally:
                self._writing -= 1
                if self._close_after and not self._writing and not self._spans:
                    self.abandon()
        return True

    def close(self) -> None:
        """Release the file and its lock, after what is being written."""
        with self._lock:
            if self._writing:
                self._close_after = True
            else:
                self.abandon()

    def release(self) -> None:
        """Close the file unless a span is open in it: another thread may have begun one since nothing was open."""
        with self._lock:
            if not self._spans:
                self.close()
                # Without a root of its own, a conversation may go on after each of its calls.
                self._encoder.rest(goes_on=self._run.rootless)

    def retire(self) -> bool:
        """Write no more, so that another writer can go on with the file. False while it is in use."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._retired = not self._writing and not self.is_open
            return self._retired
        finally:
            self._lock.release()

    def abandon(self) -> None:
        """Close the descriptor; the lock stays with whoever else has the file open."""
        self._close_after = False
        if self._file >= 0:
            with moving:
                file, self._file = self._file, -1
                os.close(file)

    def _append(self, progress: _Progress) -> None:
        """Append the part that `progress` lacks; a disk failure ends the record of the run."""
        if self.failed:
            return
        try:
            self._append_rest(progress)
        except (OSError, HomeError) as error:
            pass_on(error)
            self._fail(error)

    def _append_rest(self, progress: _Progress) -> None:
        if self._file < 0:
            with moving:
                self._open()
        elif not self._locked:
            self._locked = take_lock(self._file, patience_s=0.0)
        events, kept = progress.events, progress.kept
        while len(kept) < len(events):
            kept.append(self._privacy.over(events[len(kept)]))
        if progress.text is None:
            progress.text = self._encoder.text(list(chain.from_iterable(kept)))
        if progress.text and not progress.sizes:
            _write_lines(self._file, progress.text, progress.sizes)
        for event in events:
            if isinstance(event, SpanBegin):
                self._encoder.written(event)
                self._spans.add(event.id)
            elif isinstance(event, SpanEnd):
                self._spans.discard(event.id)

    # ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _open(self) -> None:
        if self._path is not None:
            try:
                self._keep(os.open(self._path, _APPEND))
            except FileNotFoundError as error:
                pass_on(error)
                # The user has removed the journal, and what later lines would refer to with it.
                self._encoder = _new_encoder()
            else:
                return
        folder = make_day_folder(day_of(wall_ns()))
        name = f"{self._run.id}.{file_host()}.{os.getpid()}"
        for number in range(1000):
            # Another process of this pid, in another container or before a restart, may have taken part in the run.
            path = folder / (f"{name}-{number}.jsonl" if number else f"{name}.jsonl")
            if self._create(path) or self._continue(path):
                self._path = path
                return
        raise OSError(errno.EEXIST, f"no free name for a segment like {name}")

    def _create(self, path: Path) -> bool:
        """Begin the segment at `path`; False if there is such a file.

        It gets its name when it is locked and has its header, so that no reader meets it without. While it has the
        other name, which only one process can have taken, nobody else makes a file at `path`.
        """
        draft = path.with_suffix(".new")
        try:
            file = os.open(draft, _APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            pass_on(error)
            return False
        # A signal may raise anywhere in here: the file is kept once it has its name, and closed else.
        try:
            if path.exists():
                return False
            locked = take_lock(file, _LONGEST_PROBE_S)
            _write_lines(file, self._header(), [])
            draft.rename(path)
            self._file, self._locked = file, locked
        finally:
            if self._file != file:
                os.close(file)
            draft.unlink(missing_ok=True)
        return True

    def _continue(self, path: Path) -> bool:
        """Go on with the segment at `path` if it is this process's own, begun by a writer that was retired."""
        from tracekit.journal.decode import read_header  # noqa: PLC0415  only where a writer was retired
        from tracekit.journal.files import open_regular  # noqa: PLC0415  the same

        try:
            with open_regular(path) as file:
                header = read_header(file.readline(), str(path))
                file.seek(-1, os.SEEK_END)
                ends_whole = file.read() == b"\n"
        except (OSError, JournalError) as error:
            pass_on(error)
            return False
        if not ends_whole or any(header.get(key) != value for key, value in identity().items()):
            return False
        self._keep(os.open(path, _APPEND))
        return True

    def _keep(self, file: int) -> None:
        self._file = file
        self._locked = take_lock(file, _LONGEST_PROBE_S)

    def _header(self) -> str:
        run, privacy = self._run, self._keeping.privacy
        root = run.root
        service, seed = privacy.text(self._keeping.service()), self._keeping.hash_seed
        header = {
            "e": "header",
            "format": "tracekit-journal",
            "version": FORMAT_VERSION,
            "run": run.id,
            "name": privacy.text(run.name),
            "recorded_at_ns": run.recorded_at_ns,
            "root": {"id": root.id, "t": root.at_ns, "argv": privacy.arguments(root.argv)} if root else None,
            **identity(),
            "rootless": run.rootless,
            **({"replay_of": run.replay_of} if run.replay_of else {}),
            **({"unit": run.unit} if run.unit else {}),
            **({"service": service} if service else {}),
            **({"hash_seed": seed} if seed is not None else {}),
            "content": privacy.content,
            "redaction": privacy.described(),
            "versions": {"python": ".".join(map(str, sys.version_info[:3])), **self._keeping.versions},
        }
        return json.dumps(header, ensure_ascii=False, separators=(",", ":"))

    def _fail(self, error: Exception) -> None:
        self.failed = True
        self._encoder = _new_encoder()
        self.abandon()
        if not self._keeping.is_news(error):
            return
        remedy = f"; free some space, or set {HOME_VARIABLE} to a folder that you can write to"
        _log.warning(
            "tracekit: run %s is not recorded any further, but your program continues; later failures of this kind are not reported: %s%s",
            self._run.id[:8],
            error,
            "" if isinstance(error, HomeError) else remedy,
        )


def _new_encoder() -> Encoder:
    """Load the encoder with the first event, so that `init()` costs next to nothing."""
    from tracekit.journal.encode import Encoder  # noqa: PLC0415  see above

    return Encoder()


class _Progress:
    """The written part of `events`: an exception may cut in anywhere, and no line is lost or doubled.

    `kept` is what may be kept of each event, `text` the lines for that, and `sizes` how many bytes were written.
    """

    __slots__ = ("events", "kept", "sizes", "text")

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self.kept: list[list[Event]] = []
        self.text: str | None = None
        self.sizes: list[int] = []


def _write_lines(file: int, text: str, sizes: list[int]) -> None:
    # JSON's own escape stands for half of a surrogate pair, which UTF-8 cannot hold.
    data = text.encode("utf-8", "backslashreplace") + b"\n"
    # No signal can come between the write and the note of it, as all of this line runs in C.
    sizes.extend(map(os.write, (file,), (data,)))
    if sizes[-1] < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

"""Segments of runs that come from another tool's record.

Such a segment has no process of its own: its file is named ``RUN.SOURCE.jsonl``, and an import that finds more in the
record writes it anew. While a follower holds the file's lock, the run counts as one that may go on.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tracekit.errors import JournalError
from tracekit.journal.bodies import compact
from tracekit.journal.encode import Encoder
from tracekit.journal.files import days
from tracekit.journal.home import make_day_folder
from tracekit.journal.process import identity
from tracekit.journal.reader import load_header
from tracekit.journal.writer import FORMAT_VERSION
from tracekit.model.events import Event, Request, SpanBegin
from tracekit.model.run import RunInfo
from tracekit.origin import pass_on
from tracekit.privacy import Privacy, body_without_credentials
from tracekit.system_clock import day_of

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["ImportedSegment", "Prompt", "imported_headers"]

_BUFFERED_BYTES = 1_000_000
_MESSAGES = '{"messages":['


class Prompt(NamedTuple):
    """A request as an addition to an earlier one.

    `base` is the attempt whose messages the request continues, None for none. `add` makes the messages that follow them,
    and `fields` are the other fields of the body, as far as they are known.
    """

    base: str | None
    add: Callable[[], Sequence[Any]]
    fields: Mapping[str, Any]


class _Sent(NamedTuple):
    """A request in the segment: the hash up to its last message, the number of messages, the fields."""

    state: _Hash
    messages: int
    fields: dict[str, str]


class ImportedSegment:
    """Writes the segment of the run `info`, as the header's `source` describes where it comes from.

    The file takes its name with `publish`, in one step; later events are appended to it.

    Raises:
        HomeError: The folder for journals cannot be used.
        OSError: The file cannot be written.
    """

    def __init__(self, info: RunInfo, source: Mapping[str, Any], privacy: Privacy) -> None:
        self._privacy = privacy.for_segment()
        self._encoder = Encoder()
        self._sent: dict[str, _Sent] = {}
        self._lines: list[bytes] = []
        self._size = 0
        folder = make_day_folder(day_of(info.recorded_at_ns))
        # Several sessions may be part of one run of a program, and several traces part of one session.
        is_part = "parent" in source or "part" in source
        number = f".{blake2b(source['session'].encode(), digest_size=4).hexdigest()}" if is_part else ""
        self.path = folder / f"{info.id}.{source['name']}{number}.jsonl"
        self._draft: Path | None = self.path.with_suffix(f".{os.getpid()}.new")
        self._file = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._put([_header(info, source, privacy)])

    def write(self, event: Event, prompt: Prompt | None = None) -> None:
        """Append `event`, after redaction; with `prompt`, an attempt's begin gets that request as its body."""
        if prompt is not None and isinstance(event, SpanBegin) and event.request is not None:
            self._put(self._begin_attempt(event, event.request, prompt))
            return
        for kept in self._privacy.over(event):
            self._put(self._encoder.lines(kept))
            self._encoder.written(kept)

    def publish(self) -> None:
        """Write what is buffered, and give the file its name if it has none yet."""
        self._flush()
        if self._draft is not None:
            self._draft.rename(self.path)
            self._draft = None

    def close(self) -> None:
        """Close the file, and remove it if it was never published."""
        if self._file < 0:
            return
        os.close(self._file)
        self._file = -1
        if self._draft is not None:
            self._draft.unlink(missing_ok=True)

    # ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin_attempt(self, event: SpanBegin, request: Request, prompt: Prompt) -> list[str]:
        """Return the line of an attempt. Its messages are redacted one by one, so that a history costs nothing anew."""
        bare = SpanBegin(
            event.id, event.parent, event.kind, event.name, event.at_ns, event.lane, event.trace, event.attributes,
            Request(request.method, request.host, request.path, request.query, request.headers, None),
        )  # fmt: skip
        (line,) = (line for kept in self._privacy.over(bare) for line in self._encoder.lines(kept))
        body = self._body(event.id, prompt)
        return [line if body is None else line.removesuffix('"body":null}}') + body + "}}"]

    def _body(self, id: str, prompt: Prompt) -> str | None:
        """Return the members that hold the body; None where the content mode keeps none."""
        base = None if prompt.base is None else self._sent.get(prompt.base)
        added = [self._redacted(message) for message in prompt.add()]
        if None in added:
            return None
        fields = {name: compact(value) for name, value in prompt.fields.items()}
        state = sha256(_MESSAGES.encode()) if base is None else base.state.copy()
        count = 0 if base is None else base.messages
        for text in added:
            state.update((f",{text}" if count else str(text)).encode("utf-8", "surrogatepass"))
            count += 1
        self._sent[id] = _Sent(state, count, fields)
        whole = state.copy()
        whole.update(("]" + "".join(f",{compact(name)}:{text}" for name, text in fields.items()) + "}").encode())
        known = {} if base is None else base.fields
        changed = ",".join(f"{compact(name)}:{text}" for name, text in fields.items() if known.get(name) != text)
        return (
            f'"sha256":"{whole.hexdigest()}","base":{compact(None if base is None else prompt.base)},'
            f'"order":{compact(["messages", *fields])},"keep":{0 if base is None else base.messages},'
            f'"add":[{",".join(map(str, added))}],"set":{{{changed}}}'
        )

    def _redacted(self, message: Any) -> str | None:
        """Return `message` as JSON, as the journal keeps it; None where the content mode keeps none."""
        body = compact({"messages": [message]}).encode("utf-8", "surrogatepass")
        event = SpanBegin("", None, "attempt", "", 0, "", request=Request("POST", "", "", "", {}, body))
        for kept in self._privacy.over(event):
            if isinstance(kept, SpanBegin) and kept.request is not None and kept.request.body is not None:
                (redacted,) = json.loads(body_without_credentials(kept.request.body))["messages"]
                return compact(redacted)
        return None

    # ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _put(self, lines: Sequence[str]) -> None:
        for line in lines:
            # JSON's own escape stands for half of a surrogate pair, which UTF-8 cannot hold.
            data = line.encode("utf-8", "backslashreplace") + b"\n"
            self._lines.append(data)
            self._size += len(data)
        if self._size > _BUFFERED_BYTES:
            self._flush()

    def _flush(self) -> None:
        data = memoryview(b"".join(self._lines))
        self._lines, self._size = [], 0
        while data:
            data = data[os.write(self._file, data) :]


def _header(info: RunInfo, source: Mapping[str, Any], privacy: Privacy) -> str:
    root = info.root
    return compact(
        {
            "e": "header",
            "format": "tracekit-journal",
            "version": FORMAT_VERSION,
            "run": info.id,
            "name": privacy.text(info.name),
            "recorded_at_ns": info.recorded_at_ns,
            "root": {"id": root.id, "t": root.at_ns, "argv": privacy.arguments(root.argv)} if root else None,
            **identity(),
            "rootless": False,
            "source": dict(source),
            "content": privacy.content,
            "redaction": privacy.described(),
        }
    )


def imported_headers(source: str) -> list[tuple[Path, Mapping[str, Any]]]:
    """Return the files of sessions that were imported from `source`, with their headers.

    Raises:
        HomeError: The folder for journals cannot be used.
    """
    found: list[tuple[Path, Mapping[str, Any]]] = []
    for file in (file for day in days() for file in day.files if file.name.partition(".")[2].startswith(f"{source}.")):
        path = Path(file.path)
        try:
            header = load_header(path)
        except JournalError as error:
            # The next import writes the run anew.
            pass_on(error)
            continue
        found.append((path, header))
    return found

"""Imports sessions of other tools: new ones and those that have grown, once or as they go on."""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracekit import semconv
from tracekit.cost import price_usd
from tracekit.errors import HomeError, SourceError
from tracekit.journal.files import days
from tracekit.journal.imported import imported_headers
from tracekit.model.run import ProcessRoot, RunInfo
from tracekit.origin import pass_on
from tracekit.privacy import Privacy, project_privacy
from tracekit.sources.claude_code.find import ClaudeCode
from tracekit.sources.door import Source, SourceSession
from tracekit.sources.ids import run_id
from tracekit.sources.otlp.session import TraceSession
from tracekit.sources.otlp.source import Otlp
from tracekit.sources.translation import Translation
from tracekit.sources.writing import SessionWriter

__all__ = [
    "Imported",
    "import_one",
    "import_session",
    "import_sessions",
    "imported_before",
    "is_less",
    "rejoin",
    "runs_recorded_here",
    "source_of",
    "sources",
]

_SOURCES: Sequence[Callable[[], Source]] = (ClaudeCode, Otlp)
"""Makes each source, in the order in which they are asked whether a file is theirs."""


@dataclass(slots=True)
class Imported:
    """The sum of an import. `unchanged` sessions were imported before; `busy` ones are followed by another process."""

    sessions: int = 0
    unchanged: int = 0
    busy: int = 0
    agents: int = 0
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    is_output_partial: bool = False
    cost_usd: float = 0.0
    is_cost_complete: bool = True
    runs: list[str] = field(default_factory=list)
    not_understood: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)

    def add(self, translation: Translation) -> None:
        """Add the run that was written from `translation`."""
        self.sessions += 1
        self.runs.append(translation.info.id)
        self.not_understood.update(translation.not_understood)
        for span in translation.spans:
            self.agents += span.kind == "agent"
            self.is_cost_complete &= semconv.USAGE_MISSING not in span.attributes
            if span.kind == "llm":
                self._add_call({**span.attributes, **span.end_attributes}, span.start_ns, failed=span.status == "error")

    def join(self, other: Imported) -> None:
        """Add the sums of `other`."""
        for name in ("sessions", "unchanged", "busy", "agents", "calls", "input_tokens", "output_tokens", "cost_usd"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.is_cost_complete &= other.is_cost_complete
        self.is_output_partial |= other.is_output_partial
        self.runs += other.runs
        self.not_understood.update(other.not_understood)
        self.warnings += other.warnings

    def json(self) -> dict[str, Any]:
        """Return the sums as scripts see them."""
        return {
            "sessions": self.sessions,
            "unchanged": self.unchanged,
            "followed_elsewhere": self.busy,
            "agents": self.agents,
            "calls": self.calls,
            "tokens": {"input": self.input_tokens, "output": self.output_tokens},
            "output_complete": not self.is_output_partial,
            "cost_usd": self.cost_usd,
            "cost_complete": self.is_cost_complete,
            "runs": self.runs,
            "not_understood": dict(self.not_understood),
            "problems": self.warnings,
        }

    def _add_call(self, attributes: Mapping[str, Any], start_ns: int, *, failed: bool) -> None:
        self.calls += 1
        self.input_tokens += attributes.get(semconv.INPUT_TOKENS, 0)
        self.output_tokens += attributes.get(semconv.OUTPUT_TOKENS, 0)
        self.is_output_partial |= semconv.INPUT_TOKENS in attributes and semconv.OUTPUT_TOKENS not in attributes
        if semconv.INPUT_TOKENS not in attributes:
            self.is_cost_complete &= failed
            return
        model = attributes.get(semconv.RESPONSE_MODEL) or attributes.get(semconv.REQUEST_MODEL) or ""
        price = price_usd(attributes, str(model), start_ns)
        self.cost_usd += float(price or 0)
        self.is_cost_complete &= price is not None and semconv.OUTPUT_TOKENS in attributes


def source_of(path: Path) -> Source:
    """Return the source of the file or folder at `path`.

    Raises:
        SourceError: It belongs to no source, or is not there.
    """
    try:
        found = next((source for source in sources() if source.recognises(path)), None)
        is_missing = found is None and not path.exists()
    except FileNotFoundError:
        found, is_missing = None, True
    except OSError as error:
        raise SourceError(
            f"{error.filename or path} cannot be read: {error.strerror or error}; make it readable, or give another path"
        ) from error
    if is_missing:
        raise SourceError(f"there is nothing at {path}; give a file, a folder, or {_names()}")
    if found is None:
        raise SourceError(
            f"{path} cannot be imported: tracekit imports transcripts and stream-json of Claude Code (files of "
            "JSON lines with a sessionId), and spans (JSON of OTLP, Tempo or Jaeger); "
            f"`tracekit import {ClaudeCode.name}` looks where Claude Code keeps its sessions"
        )
    return found


def sources() -> list[Source]:
    """Return the sources."""
    return [make() for make in _SOURCES]


def _names() -> str:
    return " or ".join(source.name for source in sources())


def import_sessions(
    source: Source,
    paths: Iterable[Path],
    since_ns: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Imported:
    """Import the sessions of `source` in `paths` that are new or have changed.

    Args:
        source: The source of the files.
        paths: Files and folders.
        since_ns: Only sessions with a file that was changed since, in nanoseconds since the epoch.
        progress: Is told how many sessions of how many are done.

    Raises:
        HomeError: The folder for journals cannot be used.
        SettingsError: The rules of redaction cannot be used.
        SourceError: A folder cannot be read.
        OSError: A journal cannot be written.
    """
    headers = imported_before(source)
    privacy, done, here = project_privacy(), Imported(), runs_recorded_here()
    try:
        sessions = source.sessions(paths, since_ns, _known(header for _, header in headers.values()))
    except OSError as error:
        raise SourceError(f"{error.filename} cannot be read: {error.strerror}") from error
    done.warnings += source.problems
    for number, session in enumerate(sessions, 1):
        path, header = headers.get(session.key, (None, {}))
        if (path is None and session.run in here) or (
            path is not None and (_is_unchanged(session, header, privacy) or is_less(session, header))
        ):
            done.unchanged += 1
        elif path is not None and _is_followed(path):
            done.busy += 1
        else:
            rejoin(session, header)
            import_one(session, path, privacy, done)
        if progress is not None:
            progress(number, len(sessions))
    if source.name == ClaudeCode.name:
        _join_traces(set(done.runs), privacy)
    return done


def _join_traces(runs: set[str], privacy: Privacy) -> None:
    """Import the traces of `runs` anew, which are sessions of Claude Code whose transcripts are now there."""
    for path, header in imported_headers(Otlp.name) if runs else ():
        if header["run"] in runs:
            import_one(TraceSession(header["source"]["session"]), path, privacy, Imported())


def imported_before(source: Source) -> dict[str, tuple[Path, Mapping[str, Any]]]:
    """Return the journals of the sessions of `source` that were imported, and their headers, by the run of each alone.

    Raises:
        HomeError: The folder for journals cannot be used.
    """
    found = {}
    for path, header in imported_headers(source.name):
        origin = header.get("source") or {}
        session = origin.get("session")
        if isinstance(session, str):
            found[run_id(source.name, session)] = path, header
    return found


def runs_recorded_here() -> set[str]:
    """Return the runs that processes of this machine recorded themselves: an import has nothing to add to these.

    Raises:
        HomeError: The folder for journals cannot be used.
    """
    imported = tuple(f".{source.name}." for source in sources())
    names = (file.name for day in days() for file in day.files)
    return {name.partition(".")[0] for name in names if not any(each in name for each in imported)}


def rejoin(session: SourceSession, header: Mapping[str, Any]) -> None:
    """Keep `session` in the run of its program, if the journal with this `header` is part of one."""
    parent, root = (header.get("source") or {}).get("parent"), header.get("root")
    if isinstance(parent, str) and root is not None:
        process = ProcessRoot(root["id"], root["t"], tuple(root["argv"]))
        session.join(RunInfo(header["run"], header["name"], header["recorded_at_ns"], process), parent)


def import_one(session: SourceSession, before: Path | None, privacy: Privacy, done: Imported) -> None:
    """Import `session`, in place of the journal `before`, and add it to `done`, also where that fails.

    Raises:
        HomeError: The folder for journals cannot be used.
        OSError: A journal cannot be written.
    """
    writer = SessionWriter(privacy)
    try:
        import_session(session, writer, before, done)
    except HomeError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None:
            raise
        reason = str(error) if isinstance(error, OSError | ValueError) else f"{type(error).__name__}: {error}"
        done.warnings.append(f"session of run {session.run[:8]} is left out: {reason}")
    finally:
        writer.close()
        session.close()


def import_session(
    session: SourceSession, writer: SessionWriter, before: Path | None, done: Imported | None = None
) -> Path | None:
    """Write what is new of `session`, in place of the journal `before`, and add it to `done`.

    Returns the path of the journal, None without a run.

    Raises:
        OSError: A file of the session, or the journal, cannot be used.
        ValueError: A file was changed while it was read.
    """
    translation = session.translate()
    if translation is None:
        if session.is_repeated and before is not None:
            writer.forget()
            before.unlink(missing_ok=True)
        return None
    path = writer.write(translation)
    if before is not None and before != path:
        before.unlink(missing_ok=True)
    if done is not None:
        done.add(translation)
    return path


def _known(headers: Iterable[Mapping[str, Any]]) -> dict[str, list[tuple[str, Sequence[int]]]]:
    """Return the sessions of each file that was imported, with the file's stamp, by the digest of its path."""
    known: dict[str, list[tuple[str, Sequence[int]]]] = {}
    for header in headers:
        source = header.get("source") or {}
        files = source.get("files")
        for digest, stamp in files.items() if isinstance(files, dict) else ():
            if isinstance(stamp, list):
                known.setdefault(digest, []).append((str(source.get("session")), stamp))
    return known


def is_less(session: SourceSession, header: Mapping[str, Any]) -> bool:
    """Return whether the journal with this `header` was made from a record that says more than that of `session`."""
    return session.form != "transcript" and (header.get("source") or {}).get("form") == "transcript"


def _is_unchanged(session: SourceSession, header: Mapping[str, Any], privacy: Privacy) -> bool:
    """Return whether the journal with this `header` has all of `session`, under the rules of redaction that hold now."""
    source = header.get("source") or {}
    stamps = {digest: list(stamp) for digest, stamp in session.stamps().items()}
    is_kept_so = header.get("content") == privacy.content and header.get("redaction") == privacy.described()
    return is_kept_so and source.get("files") == stamps


def _is_followed(path: Path) -> bool:
    """Return whether another process keeps the journal at `path` up to date."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        pass_on(error)
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pass_on(error)
        return True
    else:
        return False
    finally:
        os.close(file)

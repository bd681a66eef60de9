"""One session of Claude Code: its files, read as they grow, and the run that they add up to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tracekit.model.run import RunInfo
from tracekit.model.text import printable
from tracekit.origin import pass_on
from tracekit.privacy import content_mode
from tracekit.sources.claude_code.agents import COPIED, MAIN, AgentLines, agents_of
from tracekit.sources.claude_code.calls import calls_of
from tracekit.sources.claude_code.content import SessionContent
from tracekit.sources.claude_code.lines import SessionLine, SessionNotes, UserPart, read_line
from tracekit.sources.claude_code.tree import SessionTree
from tracekit.sources.door import Stamps
from tracekit.sources.files import stamp_of
from tracekit.sources.ids import run_id
from tracekit.sources.records import LineReader, RecordReading
from tracekit.sources.translation import Translation

__all__ = ["NAME", "Joined", "TranscriptSession", "translated"]

NAME = "claude-code"
_FORM = "transcript"
_NEWEST = (2, 1, 332)
"""The newest version whose transcripts were checked."""
_LONGEST_NAME = 60


class Joined(NamedTuple):
    """The run of a program of which a session is a part, and the span that started the session."""

    run: RunInfo
    parent: str


class TranscriptSession:
    """A session whose transcripts are on the disk."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.run = self.key = run_id(NAME, id)
        self._files: list[Path] = []
        self._folders: list[Path] = []
        self._readers: dict[Path, LineReader] = {}
        self._lines: list[SessionLine] = []
        self._notes = SessionNotes()
        self._reading = RecordReading()
        self._joined: Joined | None = None

    is_repeated = False

    @property
    def form(self) -> str:
        """The form of its record."""
        return _FORM

    def include(self, files: Iterable[Path], folders: Iterable[Path]) -> None:
        """Count `files` among the session's transcripts, and the transcripts of subagents that lie in `folders`."""
        self._files = sorted({*self._files, *files})
        self._folders = sorted({*self._folders, *folders})

    def join(self, run: RunInfo, parent: str) -> None:
        """Make the session a part of `run`, below the span `parent`."""
        self._joined = Joined(run, parent)

    def stamps(self) -> Stamps:
        """Return how the session's files stand now."""
        return {digest: stamp for path in self._paths() if (found := stamp_of(path)) for digest, stamp in (found,)}

    def translate(self) -> Translation | None:
        """Read new lines, and return the session as a run, or None.

        It is None while there is no call in it.

        Raises:
            OSError: A file cannot be read.
        """
        stamps = self.stamps()
        for path in self._paths():
            if path.suffix == ".jsonl":
                self._read(self._readers.setdefault(path, LineReader(path)))
        metas = {path.name[6:-10]: _meta(path) for path in self._paths() if path.name.endswith(".meta.json")}
        unreadable = sum(reader.unreadable for reader in self._readers.values())
        return translated(
            self.id,
            self._lines,
            self._notes,
            metas,
            SessionContent(self._reading),
            stamps,
            unreadable,
            joined=self._joined,
        )

    def close(self) -> None:
        """Release the files and their content."""
        self._reading.close()
        self._readers.clear()
        self._lines, self._notes = [], SessionNotes()

    def _paths(self) -> list[Path]:
        found = list(self._files)
        for folder in self._folders:
            found += sorted(folder.glob("subagents/**/agent-*.jsonl"))
            found += sorted(folder.glob("subagents/**/agent-*.meta.json"))
        return found

    def _read(self, reader: LineReader) -> None:
        agent = reader.path.name[6:-6] if reader.path.name.startswith("agent-") else ""
        folder = reader.path.parent
        if agent and folder.parent.name == "workflows":
            self._notes.workflows[agent] = folder.name
        for place, record in reader.new_records():
            if record.get("sessionId", self.id) != self.id or (record.get("sessionId") is None and not agent):
                continue
            line = read_line(record, place, self._notes)
            if line is not None:
                line.agent = line.agent or agent
                self._lines.append(line)


def _meta(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        # It is being written, or damaged: the transcript says the rest.
        pass_on(error)
        return {}
    return found if isinstance(found, dict) else {}


def translated(
    session: str,
    lines: Iterable[SessionLine],
    notes: SessionNotes,
    metas: Mapping[str, Mapping[str, Any]],
    content: SessionContent,
    stamps: Stamps,
    unreadable: int = 0,
    form: str = _FORM,
    joined: Joined | None = None,
) -> Translation | None:
    """Return the session with these `lines` as a run; None where there is no call in it."""
    agents = agents_of(lines, metas)
    calls = calls_of(agents).own()
    agents.pop(COPIED, None)
    if not calls.calls:
        return None
    agents.setdefault(MAIN, AgentLines(MAIN, [next(iter(agents.values())).lines[0]]))
    run = run_id(NAME, session)
    name = _name(agents[MAIN], content) or notes.slug or f"{NAME} {session[:8]}"
    tree = SessionTree(run, name, agents, calls, notes, content, "" if joined is None else joined.parent)
    missed = {**notes.unknown, **({"a line that is not a JSON object": unreadable} if unreadable else {})}
    for version in notes.versions:
        if _numbers(version) > _NEWEST:
            checked = ".".join(map(str, _NEWEST))
            note = f"version {printable(version, most=20)}, newer than {checked}, the newest that was checked"
            missed[f"{note}; a newer tracekit may know more of it"] = 1
    source: dict[str, Any] = {
        "name": NAME,
        "session": session,
        "form": form,
        "files": stamps,
        "versions": sorted(notes.versions),
    }
    if joined is not None:
        return Translation(joined.run, {**source, "parent": joined.parent}, tree.lanes, tree.spans, missed)
    return Translation(RunInfo(run, name, tree.spans[0].start_ns), source, tree.lanes, tree.spans, missed)


def _name(main: AgentLines, content: SessionContent) -> str:
    """Return the first words of the first prompt, where texts are kept."""
    if content_mode() != "full":
        return ""
    for line in main.lines:
        if isinstance(line.content, UserPart) and line.content.is_prompt:
            words = " ".join(content.text(line).split())
            return words if len(words) <= _LONGEST_NAME else f"{words[:_LONGEST_NAME].rpartition(' ')[0]} …"
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())

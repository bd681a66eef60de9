"""The output of ``claude -p --output-format stream-json --verbose``, read as a session.

A stream says less than the transcript: the counts of output tokens in it are placeholders, and it has no attempts. So it
is for where there is no transcript.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tracekit.model.run import RunInfo
from tracekit.sources.claude_code.content import SessionContent
from tracekit.sources.claude_code.lines import SessionLine, SessionNotes, read_costs, read_line
from tracekit.sources.claude_code.session import NAME, Joined, translated
from tracekit.sources.door import Stamps
from tracekit.sources.files import stamp_of
from tracekit.sources.ids import run_id
from tracekit.sources.records import LinePlace, LineReader, RecordReading
from tracekit.sources.translation import Translation

__all__ = ["StreamSession", "is_stream"]

_FORM = "stream-json"
_IGNORED = frozenset(("rate_limit_event", "stream_event", "system", "tool_progress"))


def is_stream(record: Mapping[str, Any]) -> bool:
    """Return whether `record` is a line of a stream."""
    return isinstance(record.get("session_id"), str) and isinstance(record.get("type"), str)


class StreamSession:
    """The session that a stream tells of: that of a file, or of records that are fed one by one."""

    def __init__(self, id: str, path: Path | None = None) -> None:
        self.id = id
        self.run = self.key = run_id(NAME, id)
        self._path = path
        self._reader = None if path is None else LineReader(path)
        self._reading = _KeptRecords()
        self._lines: list[SessionLine] = []
        self._notes = SessionNotes()
        self._newest: dict[str, str] = {}
        self._agents: dict[str, str] = {}
        """By the tool call that started it: each agent."""
        self._time = ""
        self._joined: Joined | None = None

    is_repeated = False

    @property
    def form(self) -> str:
        """The form of its record."""
        return _FORM

    def join(self, run: RunInfo, parent: str) -> None:
        """Make the session a part of `run`, below the span `parent`."""
        self._joined = Joined(run, parent)

    def stamps(self) -> Stamps:
        """Return how the file stands now; nothing for a stream from a pipe."""
        stamp = None if self._path is None else stamp_of(self._path)
        return {} if stamp is None else {stamp[0]: stamp[1]}

    def translate(self) -> Translation | None:
        """Read new lines, and return the session as a run, or None.

        It is None while there is no call in it.

        Raises:
            OSError: The file cannot be read.
        """
        stamps = self.stamps()
        for _, record in self._reader.new_records() if self._reader is not None else ():
            self.feed(record)
        unreadable = 0 if self._reader is None else self._reader.unreadable
        content = SessionContent(self._reading)
        return translated(
            self.id, self._lines, self._notes, {}, content, stamps, unreadable, form=_FORM, joined=self._joined
        )

    def close(self) -> None:
        """Close the file."""

    def feed(self, record: Mapping[str, Any]) -> None:
        """Add the next record of the stream. Those of other sessions are left out."""
        if record.get("session_id") != self.id:
            return
        type, subtype = _text(record, "type"), _text(record, "subtype")
        self._time = _text(record, "timestamp") or self._time
        if type in ("assistant", "user"):
            self._add(self._as_line(record))
        elif type == "system" and subtype == "task_started":
            self._start_agent(record)
        elif type == "system" and subtype == "api_retry":
            error = {"status": record.get("error_status"), "message": record.get("error")}
            retry = {
                "type": "system",
                "subtype": "api_error",
                "error": error,
                "retryInMs": record.get("retry_delay_ms"),
            }
            self._add({**retry, "uuid": record.get("uuid"), "timestamp": self._time})
        elif type == "system" and subtype == "init":
            self._notes.versions.add(_text(record, "claude_code_version"))
        elif type == "result":
            read_costs(record, self._notes)
        elif type not in _IGNORED:
            self._notes.miss(f"a line of type {type[:40]!r}")

    def _start_agent(self, record: Mapping[str, Any]) -> None:
        agent, tool = _text(record, "task_id"), _text(record, "tool_use_id")
        if agent and tool and record.get("task_type", "local_agent") == "local_agent":
            self._notes.links[agent] = tool
            self._agents[tool] = agent
            self._notes.names[agent] = _text(record, "subagent_type")

    def _as_line(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return the line that a transcript has for `record`; lines of one agent are chained as they come."""
        via = _text(record, "parent_tool_use_id")
        agent = _text(record, "agent_id") or self._agents.get(via, f"of-{via}" if via else "")
        if agent and via:
            self._notes.links.setdefault(agent, via)
            self._notes.names.setdefault(agent, _text(record, "subagent_type"))
        line = {**record, "timestamp": self._time, "agentId": agent, "parentUuid": self._newest.get(agent, "")}
        message = record.get("message")
        usage = message.get("usage") if isinstance(message, dict) else None
        if isinstance(message, dict) and isinstance(usage, dict):
            known = {name: value for name, value in usage.items() if name != "output_tokens"}
            line["message"] = {**message, "usage": known}
        results = record.get("tool_result_meta")
        for result in results if isinstance(results, list) else ():
            if isinstance(result, dict) and "permission_decision" in result:
                line["permissionDecision"] = result["permission_decision"]
        self._newest[agent] = _text(record, "uuid")
        return line

    def _add(self, record: dict[str, Any]) -> None:
        line = read_line(record, self._reading.keep(record), self._notes)
        if line is not None:
            self._lines.append(line)


class _KeptRecords(RecordReading):
    """Records that are kept: a pipe cannot be read again."""

    def __init__(self) -> None:
        super().__init__()
        self._records: list[dict[str, Any]] = []

    def keep(self, record: dict[str, Any]) -> LinePlace:
        """Keep `record`, and return its place."""
        self._records.append(record)
        return LinePlace(Path(), len(self._records) - 1, 0)

    def record(self, place: LinePlace) -> dict[str, Any]:
        """Return the record at `place`."""
        return self._records[place.at]


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""

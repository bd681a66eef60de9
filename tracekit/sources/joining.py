"""Puts sessions that a recorded program started into the run of the program, below the spans that started them."""

from __future__ import annotations

from collections.abc import Iterable

from tracekit.errors import SourceError
from tracekit.model.run import RunInfo
from tracekit.notes import StartedSession
from tracekit.privacy import project_privacy
from tracekit.sources.claude_code.find import ClaudeCode
from tracekit.sources.claude_code.session import NAME
from tracekit.sources.ids import run_id
from tracekit.sources.importing import Imported, import_one

__all__ = ["join_sessions"]


def join_sessions(run: RunInfo, started: Iterable[StartedSession]) -> Imported:
    """Import the `started` sessions of Claude Code into `run`. `warnings` names those that have no transcript.

    Raises:
        HomeError: The folder for journals cannot be used.
        SettingsError: The rules of redaction cannot be used.
        SourceError: The folder of transcripts cannot be read.
        OSError: A journal cannot be written.
    """
    done, wanted = Imported(), {each.id: each.span for each in started}
    if not wanted:
        return done
    source, privacy = ClaudeCode(), project_privacy()
    try:
        found = {each.run: each for each in source.sessions(source.folders(), 0, {})}
    except OSError as error:
        raise SourceError(f"{error.filename} cannot be read: {error.strerror}") from error
    assert run.root is not None
    for id, span in wanted.items():
        session = found.get(run_id(NAME, id))
        if session is None:
            folders = ", ".join(map(str, source.folders()))
            done.warnings.append(
                f"session {id} of Claude Code is not in the run: there is no transcript of it in {folders}; "
                "`tracekit import FOLDER` imports it from elsewhere, as a run of its own"
            )
            continue
        session.join(run, span or run.root.id)
        import_one(session, None, privacy, done)
    return done

"""`tracekit import`: bring runs in from the records of other tools."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import click

from tracekit.cli.options import Age, echo_json, format_option, progress_bar, tell
from tracekit.errors import SourceError
from tracekit.formatting import format_count, format_money, format_number, format_output
from tracekit.sources.door import Source
from tracekit.sources.following import SessionFollower
from tracekit.sources.importing import Imported, import_sessions, source_of, sources
from tracekit.sources.piping import import_pipe
from tracekit.system_clock import wall_ns

__all__ = ["command", "summary"]

_POLL_S = 0.4
_MOST_TOLD = 10
_ELSEWHERE = "if they lie elsewhere, give the path of their folder"


@click.command("import")
@click.argument("what", nargs=-1, required=True, metavar="PATH|claude-code|-…")
@click.option("--since", type=Age(), help="Import only sessions with activity within this time, as in 7d.")
@click.option("--follow", is_flag=True, help="Keep importing new content, until Ctrl-C.")
@format_option
def command(what: tuple[str, ...], since: timedelta | None, follow: bool, form: str) -> None:
    """Import runs that another tool recorded.

    PATH is a file or a folder; `claude-code` stands for the folder in which Claude Code keeps its sessions, and - for
    stream-json on the standard input. Each session is a run; importing it again, or a longer version of it, gives the
    same run.
    """
    since_ns = 0 if since is None else wall_ns() - int(since.total_seconds() * 1e9)
    done = Imported()
    if "-" in what:
        if len(what) > 1 or follow or since is not None:
            raise click.UsageError(
                "- reads the standard input to its end, so it cannot be combined with other paths: give - alone"
            )
        done = import_pipe(sys.stdin.fileno())
    chosen = [_chosen(each, may_come=follow) for each in dict.fromkeys(what) if each != "-"]
    for source, paths in chosen:
        with progress_bar("importing sessions") as progress:
            done.join(import_sessions(source, paths, since_ns, progress))
    if form == "json":
        echo_json(done.json())
    else:
        tell(summary(done, is_limited=since is not None))
    if follow:
        _follow(chosen)


def _chosen(what: str, *, may_come: bool) -> tuple[Source, Sequence[Path]]:
    """Return the source that `what` means, and the files and folders.

    Raises:
        SourceError: There is nothing at `what`; with `may_come`, the folders of a source may be created later.
    """
    for source in sources():
        if what == source.name:
            folders = source.folders()
            if not may_come and not any(folder.exists() for folder in folders):
                places = ", ".join(map(str, folders))
                raise SourceError(
                    f"there are no records of {what} on this machine: {places} is not there; {_ELSEWHERE}"
                )
            return source, folders
    path = Path(what).expanduser()
    return source_of(path), [path]


def _follow(chosen: Sequence[tuple[Source, Sequence[Path]]]) -> None:
    tell(["following; press Ctrl-C to stop"])
    followers = [SessionFollower(source, paths) for source, paths in chosen]
    try:
        while True:
            for follower in followers:
                follower.poll(Imported())
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        tell(["stopped following; `tracekit ls` lists the runs"])
    finally:
        for follower in followers:
            follower.close()


def summary(done: Imported, *, is_limited: bool = False) -> list[str]:
    """Return the lines that an import prints; `is_limited` says that older sessions were left out."""
    lines = []
    if done.sessions:
        output = format_output(done.output_tokens, is_partial=done.is_output_partial)
        tokens = f"{format_number(done.input_tokens)} → {output} tokens"
        cost = format_money(done.cost_usd, complete=done.is_cost_complete)
        totals = f"{format_count(done.agents, 'agent')}, {format_count(done.calls, 'call')}, {tokens}, {cost}"
        shown = done.runs[0][:8] if len(done.runs) == 1 else ""
        where = f"; see it with: tracekit show {shown}" if shown else "; `tracekit ls` lists them" if done.runs else ""
        lines.append(f"imported {_sessions(done.sessions)}: {totals}{where}")
    if done.unchanged:
        lines.append(f"{_sessions(done.unchanged)} had not changed since an earlier import")
    if done.busy:
        lines.append(f"{_sessions(done.busy)} are being followed by another tracekit")
    if not lines:
        older = "; without --since, older sessions are imported, too" if is_limited else ""
        lines.append(f"no session with a call was found{older}")
    lines += [
        f"not understood: {what} ({format_count(times, 'time')})"
        for what, times in done.not_understood.most_common(_MOST_TOLD)
    ]
    return [*lines, *done.warnings]


def _sessions(number: int) -> str:
    return format_count(number, "session")

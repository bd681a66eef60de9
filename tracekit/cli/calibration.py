"""`tracekit replay RUN --calibrate OTHER`: propose places of the requests that a replay should ignore."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from tracekit.cli.options import echo_json, tell
from tracekit.collect.look import find
from tracekit.journal.reader import read_run
from tracekit.model.text import printable
from tracekit.replayer.calibrate import Calibration, calibrate, write_ignore

__all__ = ["run_calibration"]


def run_calibration(run: str, other: str, ignore: tuple[str, ...], form: str, *, yes: bool) -> None:
    """Compare two recordings of one program, show the proposals, and write them if confirmed.

    Raises:
        TracekitError: One of the two cannot be found, read or replayed.
    """
    entry = find(run)
    recording = read_run(entry.paths)
    accepted = [*ignore, *recording.ignore]
    found = calibrate(recording, read_run(find(other).paths), accepted)
    entries = [*ignore, *found.ignore]
    is_file = run.endswith(".jsonl") or os.sep in run
    written = bool(entries) and is_file and (yes or (form == "text" and _is_confirmed(found, run)))
    if written:
        write_ignore(Path(run), entries)
    if form == "json":
        echo_json(_as_json(found, written=written))
        return
    if not (is_file and sys.stdin.isatty() and not yes):
        _show(found)
    if written:
        click.echo(f"tracekit: written into the header of {run}", err=True)
    elif entries:
        _tell_how(entries, run, is_file=is_file)


def _is_confirmed(found: Calibration, run: str) -> bool:
    if not sys.stdin.isatty():
        return False
    _show(found)
    return click.confirm(f"Write these into the header of {run}?", err=True)


def _tell_how(entries: list[str], run: str, *, is_file: bool) -> None:
    passed = " ".join(f"--ignore {shlex.quote(entry)}" for entry in entries)
    if is_file:
        click.echo(f"tracekit: nothing is written; `--yes` writes it into {run}", err=True)
    else:
        click.echo(
            f"tracekit: {run} stands in the home and stays as it is: `tracekit export {run} -o FILE` makes a file whose "
            f"header can hold them; or pass: {passed}",
            err=True,
        )


def _show(found: Calibration) -> None:
    for proposal in found.proposals:
        click.echo(printable(proposal.entry))
        click.echo(f"  {proposal.what}: {printable(proposal.recorded, most=60)} | {printable(proposal.other, most=60)}")
    if not found.proposals:
        click.echo("tracekit: nothing is proposed", err=True)
    for path, difference in found.unexplained:
        tell([f"not proposed, since it may be a change of the program, at {path}"])
        for line in difference.lines():
            click.echo(f"  {printable(line)}", err=True)
    for path in found.alone:
        tell([f"only in one of the two: {path}"])
    click.echo(f"tracekit: with these, {found.alike} of {found.pairs} requests are the same as before", err=True)


def _as_json(found: Calibration, *, written: bool) -> dict[str, object]:
    return {
        "ignore": [proposal._asdict() for proposal in found.proposals],
        "unexplained": [{"path": path, **difference._asdict()} for path, difference in found.unexplained],
        "alone": list(found.alone),
        "calls": found.pairs,
        "alike": found.alike,
        "written": written,
    }

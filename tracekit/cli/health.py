"""The checks of `tracekit doctor`."""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime

from tracekit import __version__
from tracekit.cli.libraries import HealthCheck, library_checks
from tracekit.cli.missed import REMEDY
from tracekit.collect.prune import KEEP_BYTES, KEEP_DAYS
from tracekit.configure import DISABLED_VARIABLE, SESSION_VARIABLE
from tracekit.errors import OtlpError, StoreError, TracekitError
from tracekit.formatting import format_bytes as in_bytes
from tracekit.formatting import format_count
from tracekit.journal.catalog import Entry, all_runs
from tracekit.journal.home import HOME_VARIABLE, home, make_home
from tracekit.journal.liveness import is_alive
from tracekit.journal.missed import missed_since
from tracekit.journal.reader import header_of
from tracekit.judges.settings import judge_settings
from tracekit.judges.stored import count_stored
from tracekit.judges.table import known_judges
from tracekit.model.unrecorded import in_words
from tracekit.otlp.destination import Destination, destination_of, limits_of
from tracekit.otlp.losses import Lost, lost_since, note_abandoned
from tracekit.privacy import asks_for_content
from tracekit.settings import project_settings
from tracekit.store.queries import newest_runs
from tracekit.store.store import Store

__all__ = ["HealthCheck", "checks"]

_LOST_DAYS = 7
"""Days for which lost spans are reported."""

_DAY_NS = 86_400_000_000_000


def checks() -> list[HealthCheck]:
    """Everything that is worth telling."""
    return [
        HealthCheck("tracekit", True, f"{__version__} on Python {platform.python_version()}, {platform.system()}"),
        *library_checks(),
        *_export(),
        _switches(),
        *_missed(),
        *_folder(),
        _judge(),
    ]


def _export() -> list[HealthCheck]:
    """Return checks of the destination of spans, its reachability, and recently lost spans."""
    found = []
    destination, warnings = destination_of(os.environ)
    warnings += limits_of(os.environ)[1]
    if destination is not None:
        content = "with message content" if asks_for_content(os.environ) else "without message content"
        says = f"to {destination.shown} over {destination.protocol}, {content}, unless a program has its own provider"
        reason = _refusal(destination)
        problems = [*warnings, *([f"it does not accept spans: {reason}"] if reason else [])]
        found.append(HealthCheck("export", not problems, "; ".join([says, *problems])))
    folder = home()
    note_abandoned(folder)
    lost = lost_since(folder, time.time_ns() - _LOST_DAYS * _DAY_NS)
    if lost is not None:
        found.append(HealthCheck("lost spans", False, _says_of(lost)))
    return found


def _says_of(lost: Lost) -> str:
    at = _date(lost.at_ns)
    run = lost.runs[-1][:8] if lost.runs else "RUN"
    parts = [
        (
            lost.spans,
            f"not exported: {format_count(lost.spans, 'span')} of {format_count(lost.processes, 'process', 'processes')}",
        ),
        (lost.cut, f"too large to send with content: {format_count(lost.cut, 'span')}"),
    ]
    losses = ", ".join(text for number, text in parts if number)
    why = f": {lost.reason}" if lost.reason else ""
    return (
        f"{losses} in the last {_LOST_DAYS} days, the last at {at} to {lost.endpoint}{why}; "
        f"the record has them: `tracekit export {run} --otlp URL`"
    )


def _date(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _missed() -> list[HealthCheck]:
    """Requests to Claude that were sent in a way that is not recorded."""
    note = missed_since(home(), time.time_ns() - _LOST_DAYS * _DAY_NS)
    if note is None:
        return []
    says = (
        f"not recorded in the last {_LOST_DAYS} days: {in_words(note.misses)}; the last program was {note.program}, at "
        f"{_date(note.at_ns)}; {REMEDY}"
    )
    return [HealthCheck("calls past the SDK", False, says)]


def _refusal(destination: Destination) -> str | None:
    from tracekit.otlp.send import probe  # noqa: PLC0415  loads OpenTelemetry's SDK

    try:
        return probe(destination)
    except OtlpError as error:
        return str(error)


def _switches() -> HealthCheck:
    if os.environ.get(DISABLED_VARIABLE) == "1":
        return HealthCheck("recording", False, f"off: {DISABLED_VARIABLE}=1")
    if os.environ.get(SESSION_VARIABLE):
        return HealthCheck("recording", True, "on: this shell runs under `tracekit run`")
    return HealthCheck("recording", True, "on, with `tracekit run PROGRAM` or `tracekit.init()`")


def _judge() -> HealthCheck:
    """Return the check of the judge that `check --judge` uses; nothing is sent."""
    try:
        settings = judge_settings(project_settings())
        stored = count_stored(home())
    except TracekitError as error:
        return HealthCheck("judge", False, str(error))
    known = known_judges()
    if settings.name not in known:
        return HealthCheck("judge", False, f"there is no judge {settings.name!r}; there is {', '.join(known)}")
    says = (
        f"{settings.name}, used only by `tracekit check --judge`, for at most ${settings.max_usd:g} a check; "
        f"{stored} opinions are stored"
    )
    return HealthCheck("judge", True, says)


def _folder() -> list[HealthCheck]:
    try:
        folder = make_home()
        runs = all_runs()
    except TracekitError as error:
        return [HealthCheck("journals", False, str(error))]
    source = HOME_VARIABLE if os.environ.get(HOME_VARIABLE) else "the platform's folder for user data"
    if not os.access(folder, os.W_OK):
        return [
            HealthCheck("journals", False, f"{folder} cannot be written, so nothing is recorded; set {HOME_VARIABLE}")
        ]
    size = sum(path.stat().st_size for run in runs for path in run.paths)
    files = sum(len(run.paths) for run in runs)
    found = [
        HealthCheck(
            "journals",
            True,
            f"{home()} ({source}): {format_count(len(runs), 'run')} in {format_count(files, 'file')}, {in_bytes(size)}",
        )
    ]
    found.append(_store(size))
    alive = sum(any(is_alive(path) for path in run.paths) for run in runs[:100])
    if alive:
        found.append(HealthCheck("being recorded", True, f"{alive} of the newest {min(len(runs), 100)} runs"))
    found += _advice(runs)
    return found


def _store(journals: int) -> HealthCheck:
    store = Store(home())
    limits = f"`tracekit prune` keeps {KEEP_DAYS} days and {in_bytes(KEEP_BYTES)} of both by default"
    if not store.exists:
        return HealthCheck("store", True, f"{store.path}: not made yet; `tracekit sql` and `ls` make it; {limits}")
    try:
        with store.reading() as connection:
            runs = len(newest_runs(connection))
    except StoreError as error:
        return HealthCheck("store", False, str(error))
    says = f"{store.path}: {format_count(runs, 'run')}, {in_bytes(store.size)}; {limits}"
    return HealthCheck("store", journals + store.size <= KEEP_BYTES, says)


def _advice(runs: list[Entry]) -> list[HealthCheck]:
    """Return advice on runs that are no program, request, job or cell: their limits are guesses."""
    guessed = [run for run in runs[:100] if _is_guessed(run)]
    if not guessed:
        return []
    says = (
        f"{len(guessed)} of the newest {min(len(runs), 100)} runs were made of single conversations, as an installed "
        "program called your code and nothing showed where its tasks begin; `with tracekit.run(NAME):` around a task, "
        "or `tracekit run`, says what belongs together"
    )
    return [HealthCheck("runs", False, says)]


def _is_guessed(run: Entry) -> bool:
    header = header_of(run.paths[0])
    return bool(header is not None and header.get("rootless") and not header.get("unit"))

"""The checks of `tracekit doctor`."""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from tracekit import __version__
from tracekit.cli.render.quantities import size as in_bytes
from tracekit.collect.prune import KEEP_BYTES, KEEP_DAYS
from tracekit.configure import DISABLED_VARIABLE, SESSION_VARIABLE
from tracekit.errors import OtlpError, StoreError, TracekitError
from tracekit.instrument.sdk.points import missing_in_installed
from tracekit.journal.catalog import Entry, all_runs
from tracekit.journal.home import HOME_VARIABLE, home, make_home
from tracekit.journal.liveness import is_alive
from tracekit.journal.reader import header_of
from tracekit.otlp.destination import Destination, asks_for_content, destination_of, limits_of
from tracekit.otlp.losses import Lost, lost_since, note_abandoned
from tracekit.store.queries import newest_runs
from tracekit.store.store import Store

__all__ = ["Check", "checks"]

_LOST_DAYS = 7
"""How long it is told that spans were lost."""

_OTHER_INSTRUMENTATIONS = (
    "openinference-instrumentation-anthropic",
    "opentelemetry-instrumentation-anthropic",
    "opentelemetry-instrumentation-genai-anthropic",
    "logfire",
    "langfuse",
    "langsmith",
    "ddtrace",
)


class Check(NamedTuple):
    """One thing that was looked at. `ok` is false where a user may want to do something."""

    name: str
    ok: bool
    says: str


def checks() -> list[Check]:
    """Everything that is worth telling."""
    return [
        Check("tracekit", True, f"{__version__} on Python {platform.python_version()}, {platform.system()}"),
        _sdk(),
        _sdk_tracing(),
        _other_instrumentations(),
        _opentelemetry(),
        *_export(),
        _switches(),
        *_folder(),
    ]


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _sdk() -> Check:
    installed = _installed("anthropic")
    if installed is None:
        return Check("anthropic", False, "not installed: pip install 'anthropic>=2.12,<3'")
    lacking = missing_in_installed()
    if lacking:
        return Check(
            "anthropic", False, f"{installed} has no {', '.join(lacking)}: calls are not recorded; use >=2.12,<3"
        )
    return Check("anthropic", True, f"{installed}, every point that tracekit hooks into is there")


def _sdk_tracing() -> Check:
    if os.environ.get("ANTHROPIC_OPEN_TELEMETRY", "").lower() == "false":
        return Check(
            "SDK tracing", True, "off by ANTHROPIC_OPEN_TELEMETRY: no spans are exported; the record is complete"
        )
    return Check("SDK tracing", True, "on: its span is the one LLM span of a call")


def _other_instrumentations() -> Check:
    found = [f"{name} {found}" for name in _OTHER_INSTRUMENTATIONS if (found := _installed(name))]
    if not found:
        return Check("other LLM spans", True, "no other library that emits LLM spans is installed")
    return Check(
        "other LLM spans",
        False,
        f"{', '.join(found)}: where it is active, each call is exported twice, once by it and once by the SDK; tracekit's "
        "record counts it once. To export once: switch that instrumentation off, or ANTHROPIC_OPEN_TELEMETRY=false",
    )


def _opentelemetry() -> Check:
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return Check("OpenTelemetry", True, "off by OTEL_SDK_DISABLED: no spans are exported; the record is complete")
    names = sorted(name for name in os.environ if name.startswith("OTEL_"))
    return Check("OpenTelemetry", True, f"set: {', '.join(names)}" if names else "no OTEL_ variable is set")


def _export() -> list[Check]:
    """Where spans go, whether that answers, and what was lost on the way in the last days."""
    found = []
    destination, warnings = destination_of(os.environ)
    warnings += limits_of(os.environ)[1]
    if destination is not None:
        content = "with message content" if asks_for_content(os.environ) else "without message content"
        says = f"to {destination.shown} over {destination.protocol}, {content}, unless a program has its own provider"
        reason = _refusal(destination)
        problems = [*warnings, *([f"it does not take spans: {reason}"] if reason else [])]
        found.append(Check("export", not problems, "; ".join([says, *problems])))
    folder = home()
    note_abandoned(folder)
    lost = lost_since(folder, time.time_ns() - _LOST_DAYS * 86_400_000_000_000)
    if lost is not None:
        found.append(Check("lost spans", False, _says_of(lost)))
    return found


def _says_of(lost: Lost) -> str:
    at = datetime.fromtimestamp(lost.at_ns / 1e9, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    run = lost.runs[-1][:8] if lost.runs else "RUN"
    parts = [
        (lost.spans, f"{lost.spans} spans of {lost.processes} processes were not exported"),
        (lost.cut, f"{lost.cut} spans were too large and went without their content"),
    ]
    told = ", ".join(text for number, text in parts if number)
    why = f": {lost.reason}" if lost.reason else ""
    return (
        f"{told} in the last {_LOST_DAYS} days, the last at {at} to {lost.endpoint}{why}; "
        f"the record has them: `tracekit export {run} --otlp URL`"
    )


def _refusal(destination: Destination) -> str | None:
    from tracekit.otlp.send import probe  # noqa: PLC0415  loads OpenTelemetry's SDK

    try:
        return probe(destination)
    except OtlpError as error:
        return str(error)


def _switches() -> Check:
    if os.environ.get(DISABLED_VARIABLE) == "1":
        return Check("recording", False, f"off: {DISABLED_VARIABLE}=1")
    if os.environ.get(SESSION_VARIABLE):
        return Check("recording", True, "on: this shell runs under `tracekit run`")
    return Check("recording", True, "on, with `tracekit run PROGRAM` or `tracekit.init()`")


def _folder() -> list[Check]:
    try:
        folder = make_home()
        runs = all_runs()
    except TracekitError as error:
        return [Check("journals", False, str(error))]
    source = HOME_VARIABLE if os.environ.get(HOME_VARIABLE) else "the platform's folder for user data"
    if not os.access(folder, os.W_OK):
        return [Check("journals", False, f"{folder} cannot be written to: nothing is recorded; set {HOME_VARIABLE}")]
    size = sum(path.stat().st_size for run in runs for path in run.paths)
    files = sum(len(run.paths) for run in runs)
    found = [Check("journals", True, f"{home()} ({source}): {len(runs)} runs in {files} files, {in_bytes(size)}")]
    found.append(_store(size))
    alive = sum(any(is_alive(path) for path in run.paths) for run in runs[:100])
    if alive:
        found.append(Check("being recorded", True, f"{alive} of the newest {min(len(runs), 100)} runs"))
    found += _advice(runs)
    return found


def _store(journals: int) -> Check:
    store = Store(home())
    limits = f"`tracekit prune` keeps {KEEP_DAYS} days and {in_bytes(KEEP_BYTES)} of both if it is not told otherwise"
    if not store.exists:
        return Check("store", True, f"{store.path}: not made yet; `tracekit sql` and `ls` make it; {limits}")
    try:
        with store.reading() as connection:
            runs = len(newest_runs(connection))
    except StoreError as error:
        return Check("store", False, str(error))
    says = f"{store.path}: {runs} runs, {in_bytes(store.size)}; {limits}"
    return Check("store", journals + store.size <= KEEP_BYTES, says)


def _advice(runs: list[Entry]) -> list[Check]:
    """Runs that neither a program, nor a request, a job or a cell is, are guesses at where a task begins."""
    guessed = [run for run in runs[:100] if _is_guessed(run)]
    if not guessed:
        return []
    says = (
        f"{len(guessed)} of the newest {min(len(runs), 100)} runs were made of single conversations, as an installed "
        "program called your code and nothing showed where its tasks begin; `with tracekit.run(NAME):` around a task, "
        "or `tracekit run`, says what belongs together"
    )
    return [Check("runs", False, says)]


def _is_guessed(run: Entry) -> bool:
    header = header_of(run.paths[0])
    return bool(header is not None and header.get("rootless") and not header.get("unit"))

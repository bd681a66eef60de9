"""Joins the parts: `init()` starts the recording of this process."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from tracekit import __version__, semconv
from tracekit.errors import HomeError, TracekitError, UnsupportedSdkError
from tracekit.instrument import provider
from tracekit.instrument.carry import carry
from tracekit.instrument.clock import AnchoredClock
from tracekit.instrument.guard import guarded, warn_once
from tracekit.instrument.http.hook import hook as hook_http
from tracekit.instrument.http.hook import is_hooked
from tracekit.instrument.importing import when_imported
from tracekit.instrument.measuring import Measuring
from tracekit.instrument.processes import when_entered
from tracekit.instrument.program import program_name
from tracekit.instrument.programs import SESSION_VARIABLE
from tracekit.instrument.protocols import EventExporter
from tracekit.instrument.recorder import Recorder, active, install
from tracekit.instrument.remote import Remote, incoming
from tracekit.journal.home import home
from tracekit.journal.missed import MissedNotes
from tracekit.journal.process import boot_id, hash_seed
from tracekit.journal.writer import JournalSink
from tracekit.model.run import Session
from tracekit.origin import pass_on

if TYPE_CHECKING:
    from tracekit.otlp.instruments import Instruments
    from tracekit.otlp.metrics import MetricsExport
    from tracekit.otlp.outbox import Loss
    from tracekit.privacy import Privacy

__all__ = [
    "DISABLED_VARIABLE",
    "SESSION_VARIABLE",
    "exporter_for",
    "hook_in",
    "init",
    "service_name",
    "wrap",
]

DISABLED_VARIABLE = "TRACEKIT_DISABLED"

C = TypeVar("C")

_log = logging.getLogger("tracekit")


def init() -> None:
    """Record this process: every call of every Anthropic client, those that exist and those to come.

    Harmless twice. It never raises, and loads neither anthropic nor anything heavy: the SDK is hooked when the
    program imports it. ``TRACEKIT_DISABLED=1`` turns it into nothing.
    """
    _init()


def wrap(client: C) -> C:
    """Record this one `client`, and the copies that `with_options` makes of it, without `init()`.

    Returns:
        The same client.
    """
    _wrap(client)
    return client


@guarded
def _init() -> None:
    if _start():
        hook_in()


def hook_in() -> None:
    """Connect the installed recorder to the SDK and the runtime, once the SDK is loaded. Harmless twice."""
    carry()
    provider.join()
    when_imported("anthropic._base_client", lambda module: _hook(module, everything=True))
    hook_http()


@guarded
def _wrap(client: object) -> None:
    if not _start():
        return
    from tracekit.instrument.sdk.seam import record_client  # noqa: PLC0415  the client's SDK is loaded

    carry()
    provider.join()
    _hook(sys.modules["anthropic._base_client"], everything=False)
    record_client(client)


def _start() -> bool:
    """Install the recorder if there is none. False where recording is switched off."""
    if os.environ.get(DISABLED_VARIABLE) == "1":
        return False
    if active() is None:
        try:
            sink = JournalSink({"tracekit": __version__}, lambda: service_name(service), hash_seed())
        except TracekitError as error:
            pass_on(error)
            _log.warning("tracekit: nothing is recorded, but your program continues: %s", error)
            return False
        session, remote = _session(), incoming(os.environ)
        service = session.run.name if session else program_name()
        privacy = sink.privacy
        exporter = exporter_for(service, remote, privacy)
        measuring = Measuring(partial(_instruments, privacy), _metrics_export(service, privacy))
        # The wall clock may have been set since the run began, in another process.
        is_shared = session is not None and session.boot == boot_id()
        clock = AnchoredClock(session.offset_ns if session is not None and is_shared else None)
        notes = MissedNotes(service, session.hello if session else "", privacy.text)
        install(
            Recorder(
                sink,
                clock,
                session,
                exporter=exporter,
                remote=remote,
                privacy=(privacy,),
                measuring=measuring,
                notes=notes,
            )
        )
        when_entered(init)
    return True


def _session() -> Session | None:
    text = os.environ.get(SESSION_VARIABLE)
    if not text:
        return None
    session = Session.loads(text)
    try:
        (Path(session.hello) / str(os.getpid())).touch()
    except OSError as error:
        pass_on(error)
        # Whoever started this process has gone; the record does not depend on it.
        _log.debug("tracekit: the start of the recording cannot be reported in %s", session.hello)
    return session


_WITHOUT_POINTS = "Until then each HTTP request of the SDK is recorded as a call of its own: a retry counts as a call"
_NOT_WRAPPED = (
    "Until then tracekit.wrap() records nothing; tracekit.init() records each HTTP request as a call of its own"
)


@guarded
def _hook(module: object, *, everything: bool) -> None:
    from tracekit.instrument.sdk import seam  # noqa: PLC0415  loads with the SDK

    try:
        seam.hook(module)  # type: ignore[arg-type]
    except UnsupportedSdkError as error:
        warn_once(f"{error}. {_WITHOUT_POINTS if everything or is_hooked() else _NOT_WRAPPED}")
        return
    if everything:
        seam.record_all()


# ── spans out ────────────────────────────────────────────────────────────────────────────────────────────────────────

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@guarded
def exporter_for(
    service: str, remote: Remote | None, privacy: Privacy, *, is_quiet: bool = False
) -> EventExporter | None:
    """Return the exporter of this process's spans, for `service` unless the ``OTEL_*`` variables name another.

    None where no endpoint is set, or spans are switched off: nothing is loaded then. One that `is_quiet` finds out
    early whether the endpoint answers, and leaves it to the processes that it is about to say that it does not.
    """
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        return None
    from tracekit.otlp.destination import destination_of, limits_of  # noqa: PLC0415  see above
    from tracekit.otlp.ledger import Ledger  # noqa: PLC0415  see above
    from tracekit.otlp.live import LiveExport  # noqa: PLC0415  see above
    from tracekit.privacy import span_rules  # noqa: PLC0415  see above

    destination, warnings = destination_of(os.environ)
    if destination is None:
        return None
    rules = span_rules(privacy)
    limits, more = limits_of(os.environ, content=rules.content)
    return LiveExport(
        destination,
        limits,
        rules,
        {"service.name": privacy.text(service), "process.pid": os.getpid()},
        remote=(remote.trace, remote.is_sampled) if remote is not None else None,
        warnings=[*warnings, *more],
        ledger=Ledger(home, destination.shown),
        closed=lambda loss, runs: _note_loss(destination.shown, loss, runs) if loss.lost or loss.cut else None,
        is_quiet=is_quiet,
    )


def _note_loss(endpoint: str, loss: Loss, runs: Sequence[str]) -> None:
    from tracekit.otlp.losses import note_loss  # noqa: PLC0415  see above

    try:
        note_loss(home(), endpoint, loss, runs)
    except HomeError as error:
        pass_on(error)
        _log.debug("tracekit: lost spans cannot be counted: %s", error)


@guarded
def _metrics_export(service: str, privacy: Privacy) -> MetricsExport | None:
    """Return the exporter of metrics for `service`, or None unless the ``OTEL_*`` variables ask for one."""
    if not any(os.environ.get(name) for name in ("OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")):
        return None
    from tracekit.otlp.destination import metrics_destination_of  # noqa: PLC0415  only where it is asked for
    from tracekit.otlp.metrics import MetricsExport, interval_of, new_instance_id  # noqa: PLC0415  see above

    destination, warnings = metrics_destination_of(os.environ)
    for warning in warnings:
        warn_once(warning)
    if destination is None:
        return None
    # Each process has totals of its own, which a backend must not take for those of another.
    resource = {"service.name": privacy.text(service), semconv.SERVICE_INSTANCE_ID: new_instance_id()}
    return MetricsExport(destination, interval_of(), resource, privacy.text)


def _instruments(privacy: Privacy, provider: Any) -> Instruments:
    from tracekit.otlp.instruments import Instruments  # noqa: PLC0415  only where there is a provider

    return Instruments(provider.get_meter(semconv.TRACEKIT_SCOPE, __version__), privacy.text)


def service_name(default: str) -> str:
    """Return the name of the service as whom this process's spans are exported, by us or by the application."""
    from opentelemetry import trace  # noqa: PLC0415  loaded by now

    resource = getattr(trace.get_tracer_provider(), "resource", None)
    if resource is not None and resource.attributes.get("service.name"):
        return str(resource.attributes["service.name"])
    if os.environ.get("OTEL_SERVICE_NAME"):
        return os.environ["OTEL_SERVICE_NAME"]
    pairs = (pair.partition("=") for pair in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    told = {name.strip(): unquote(value.strip()) for name, _, value in pairs}
    return told.get("service.name") or default

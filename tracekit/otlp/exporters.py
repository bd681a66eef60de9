"""OpenTelemetry's exporters of spans, and what the collector answered to each of their requests.

The exporters take a redirect, a page of HTML and an answer that rejects every span for success, so each answer is kept
and judged here.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple
from urllib.parse import unquote

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it comes without types
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tracekit.otlp.destination import Destination
from tracekit.otlp.options import VARIABLES, Signal, compression_of, timeout_of
from tracekit.otlp.outcome import Sent
from tracekit.privacy import public_address, without_user
from tracekit.system_clock import steady_ns

__all__ = [
    "Ear",
    "OutOfTimeError",
    "TooLargeError",
    "exporter_class",
    "exporter_of",
    "grpc_may_fork",
    "judged",
    "refusal",
]

_TOO_LARGE = ("larger than max", "message length too large", "status: 413")
"""In the details of an error over gRPC: as servers in C and Go, those in Rust, and proxies say it."""


class TooLargeError(Exception):
    """The collector's gRPC server says that a message is too large for it."""


class _Answer(NamedTuple):
    """An answer over HTTP; over gRPC `message` is all of it."""

    status: int = 200
    reason: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    message: Any = None


class OutOfTimeError(Exception):
    """A request failed, and there is no time left to send it again."""


class Ear:
    """Keeps the newest answer.

    Exporters before OpenTelemetry 1.35 send a request again for a minute, whatever their timeout is; the `Ear` of such
    an exporter ends that.
    """

    def __init__(self) -> None:
        self.answer: _Answer | None = None
        self._patience_s: float | None = None
        self._begun_ns = 0
        self._failures = 0

    def keep_in_time(self, exporter: Any) -> None:
        """Hold `exporter` to its timeout, if it is one of those that do not do so by themselves."""
        if _is_old(exporter):
            self._patience_s = exporter._timeout  # noqa: SLF001  the exporter has no other way to tell it

    def forget(self) -> None:
        """Listen for the answer to another request."""
        self.answer = None
        self._begun_ns, self._failures = steady_ns(), 0

    def http(self, response: Any, *_: Any, **__: Any) -> None:
        """Keep an answer over HTTP; called by requests."""
        self.answer = _Answer(response.status_code, response.reason or "", response.headers, response.content)
        if response.status_code == 408 or response.status_code >= 500:
            self.failed(refusal(self.answer))

    def failed(self, reason: str) -> None:
        """Raise an error if the exporter would send again too late.

        Raises:
            OutOfTimeError: It would.
        """
        pause_s = 2**self._failures
        self._failures += 1
        if self._patience_s is not None and (steady_ns() - self._begun_ns) / 1e9 + pause_s > self._patience_s:
            raise OutOfTimeError(reason)

    def grpc(self, message: Any) -> None:
        """Keep an answer over gRPC."""
        self.answer = _Answer(message=message)


def exporter_of(destination: Destination, ear: Ear, timeout_s: float | None, signal: Signal) -> tuple[Any, list[str]]:
    """Return the exporter of spans or metrics that sends to `destination`, and what is wrong with its variables.

    `ear` hears the answers. Without `timeout_s` the variables say how many seconds a request may take.
    """
    make = _over_grpc if destination.protocol == "grpc" else _over_http
    options, warnings = _options(destination.protocol, signal)
    if timeout_s is not None:
        options["timeout"] = timeout_s
    with grpc_may_fork():
        exporter = make(destination, ear, options, signal)
    ear.keep_in_time(exporter)
    return exporter, warnings


def _options(protocol: str, signal: Signal) -> tuple[dict[str, Any], list[str]]:
    """Return the exporter's arguments that variables set, and warnings for people."""
    timeout_s, warnings = timeout_of(os.environ, signal)
    member, more = compression_of(os.environ, signal)
    library = import_module("grpc" if protocol == "grpc" else "opentelemetry.exporter.otlp.proto.http")
    return {"timeout": timeout_s, "compression": getattr(library.Compression, member)}, [*warnings, *more]


def _is_old(exporter: Any) -> bool:
    """Return whether `exporter` waits between its tries where nothing can end the pause (before 1.36)."""
    return hasattr(exporter, "_timeout") and not hasattr(exporter, "_shutdown_in_progress")


def exporter_class(protocol: str, signal: Signal) -> type[Any]:
    """Return OpenTelemetry's class of exporters; the first time, it is loaded."""
    module = import_module(f"opentelemetry.exporter.otlp.proto.{protocol.partition('/')[0]}.{signal}_exporter")
    found: type[Any] = module.OTLPSpanExporter if signal == "trace" else module.OTLPMetricExporter
    return found


def _over_http(destination: Destination, ear: Ear, options: dict[str, Any], signal: Signal) -> Any:
    import requests  # noqa: PLC0415  only where HTTP is spoken

    session: Any = _provided_session(signal) or requests.Session()
    session.hooks["response"].append(ear.http)
    # Older exporters follow a redirect, with a request that has no spans.
    session.get_redirect_target = lambda _: None
    return exporter_class("http", signal)(endpoint=destination.url, session=session, **options)


def _provided_session(signal: Signal) -> Any:
    """Return the session that a variable names; None if there is none, or OpenTelemetry knows no such variable yet."""
    try:
        # What the exporter itself calls for its session.
        from opentelemetry.exporter.otlp.proto.http._common import _load_session_from_envvar  # noqa: PLC0415
    except ImportError:
        return None
    variable: Any = f"OTEL_PYTHON_EXPORTER_OTLP_HTTP_{VARIABLES[signal]}_CREDENTIAL_PROVIDER"
    return _load_session_from_envvar(variable)


def _over_grpc(destination: Destination, ear: Ear, options: dict[str, Any], signal: Signal) -> Any:
    base = exporter_class("grpc", signal)

    class GrpcExporter(base):  # type: ignore[misc, valid-type]  # the class is known when it is loaded
        """The exporter, whose stub is heard. Newer releases make another stub where a connection breaks."""

        _client: Any

        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            if not isinstance(self._client, _HeardStub):
                self._client = _HeardStub(self._client, ear)

        def _initialize_channel_and_stub(self) -> None:
            super()._initialize_channel_and_stub()
            self._client = _HeardStub(self._client, ear)

        def shutdown(self, *args: Any, **kwargs: Any) -> None:
            if _is_old(self):
                # The release's own method waits for the request that is being sent, and its pauses.
                self._shutdown = True
            else:
                super().shutdown(*args, **kwargs)

    url, user = without_user(destination.url)
    if user:
        # As requests does for HTTP; gRPC would take user and password for a part of the host's name.
        names = (f"OTEL_EXPORTER_OTLP_{VARIABLES[signal]}_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
        text = next((os.environ[name] for name in names if os.environ.get(name)), "")
        token = base64.b64encode(user.encode()).decode()
        options["headers"] = {"authorization": f"Basic {token}", **_headers_of(text)}
    return GrpcExporter(endpoint=url, **options)


def _headers_of(text: str) -> dict[str, str]:
    """Return the headers that the `text` of a variable sets, as the exporters read it."""
    pairs = (pair.partition("=") for pair in text.split(",") if "=" in pair)
    return {unquote(name).strip().lower(): unquote(value).strip() for name, _, value in pairs}


class _HeardStub:
    """Passes requests on to the real stub."""

    def __init__(self, stub: Any, ear: Ear) -> None:
        self._stub = stub
        self._ear = ear

    def Export(self, **arguments: Any) -> Any:  # noqa: N802  the stub's name
        import grpc  # type: ignore[import-untyped]  # noqa: PLC0415  loaded by now; it comes without types

        try:
            message = self._stub.Export(**arguments)
        except grpc.RpcError as error:
            details = str(getattr(error, "details", str)() or "")
            if any(part in details for part in _TOO_LARGE):
                # The exporter would send the very same again and again.
                raise TooLargeError(f"{getattr(error, 'code', lambda: '')()} {details}") from error
            self._ear.failed(details)
            raise
        self._ear.grpc(message)
        return message


@contextmanager
def grpc_may_fork() -> Iterator[None]:
    """Let gRPC work in forked children, too, which it decides by a variable when it is loaded and begins."""
    name = "GRPC_ENABLE_FORK_SUPPORT"
    if name in os.environ:
        yield
        return
    os.environ[name] = "1"
    try:
        yield
    finally:
        os.environ.pop(name, None)


# ── the answer ───────────────────────────────────────────────────────────────────────────────────────────────────────


def judged(answer: _Answer | None, number: int) -> Sent:
    """Return the outcome of a request with `number` spans, which the exporter takes for a success.

    Answers to metrics have the same form on the wire.
    """
    if answer is None:
        return Sent()
    if answer.message is not None:
        return _partial(answer.message, number)
    kind, start = answer.headers.get("content-type", "").lower(), answer.body[:100].lstrip().lower()
    if answer.status >= 300:
        return Sent(number, refusal(answer))
    if "html" in kind or start.startswith((b"<!doctype", b"<html")):
        return Sent(
            number,
            "it responds with an HTML page, as a proxy or a sign-in page does; set the endpoint to the collector",
        )
    if not answer.body:
        return Sent()
    if "protobuf" in kind:
        try:
            return _partial(ExportTraceServiceResponse.FromString(answer.body), number)
        except DecodeError:
            return Sent(number, "its response is not OTLP; set the endpoint to the collector")
    return _partial_json(answer.body, number)


def refusal(answer: _Answer) -> str:
    """Return why `answer`, whose status is no success, takes no spans."""
    said = f"{answer.status} {answer.reason}".rstrip()
    if answer.status >= 400:
        return said
    place = public_address(answer.headers.get("location", ""))
    return f"{said}: it redirects to {place}; set the endpoint to the collector"


def _partial(message: Any, number: int) -> Sent:
    told = message.partial_success
    rejected = told.rejected_spans if hasattr(told, "rejected_spans") else told.rejected_data_points
    return _rejected(rejected, told.error_message, number)


def _partial_json(body: bytes, number: int) -> Sent:
    """The outcome that JSON tells; any other text with a good status is an acknowledgement."""
    try:
        told = json.loads(body)["partialSuccess"]
        return _rejected(int(told.get("rejectedSpans", 0)), str(told.get("errorMessage", "")), number)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return Sent()


def _rejected(rejected: int, reason: str, number: int) -> Sent:
    if rejected <= 0:
        return Sent()
    lost = min(rejected, number) if number else 0
    return Sent(lost, f"the collector rejected {rejected}: {reason or 'no reason was sent'}") if lost else Sent()

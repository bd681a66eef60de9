"""Starts the receiver, and ends it in good order."""

from __future__ import annotations

import ipaddress
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from tracekit.errors import SourceError
from tracekit.origin import pass_on
from tracekit.privacy import project_privacy
from tracekit.sources.otlp.receiver.intake import Intake, IntakeLimits
from tracekit.sources.otlp.receiver.runs import TraceRuns
from tracekit.sources.otlp.records import TraceRecords

__all__ = ["GRPC_PORT", "HTTP_PORT", "ListenOptions", "OtlpReceiver", "check_options"]

HTTP_PORT, GRPC_PORT = 4318, 4317
"""The ports that OpenTelemetry's exporters use by default."""

_GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class ListenOptions:
    """The addresses to listen at, and what guards them. A port of 0 stands for any that is free."""

    host: str = "127.0.0.1"
    http_port: int = HTTP_PORT
    grpc_port: int = GRPC_PORT
    token: str = ""
    certificate: Path | None = None
    key: Path | None = None


def check_options(options: ListenOptions) -> None:
    """Check that nobody but the user can send, or that whoever sends is known and cannot be overheard.

    Raises:
        SourceError: The address is reached from other machines, and a token or a certificate is missing.
    """
    if (options.certificate is None) != (options.key is None):
        raise SourceError("TLS needs both: give --certificate FILE and --key FILE")
    for path in (options.certificate, options.key):
        if path is not None and not path.is_file():
            raise SourceError(f"{path} is not a file; give the certificate and its key in PEM")
    if _is_loopback(options.host):
        return
    missing = [] if options.token else ["a token (--token-file FILE, or the variable TRACEKIT_LISTEN_TOKEN)"]
    missing += [] if options.certificate else ["TLS (--certificate FILE and --key FILE)"]
    if missing:
        raise SourceError(
            f"{options.host} can be reached from other machines, so the receiver needs {' and '.join(missing)}; "
            "without them it listens at 127.0.0.1 only"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError as error:
        pass_on(error)
        return host == "localhost"


class OtlpReceiver:
    """A receiver of OTLP over HTTP and gRPC.

    Raises:
        HomeError: The folder for journals cannot be used.
        SettingsError: The rules of redaction cannot be used.
        SourceError: The options are unsafe, an address is taken, or a library is missing.
    """

    def __init__(
        self, options: ListenOptions, problems: Callable[[str], None], limits: IntakeLimits | None = None
    ) -> None:
        check_options(options)
        privacy = project_privacy()
        self._options = options
        records = TraceRecords(privacy)
        self._runs = TraceRuns(privacy, records.calls, problems)
        self.intake = Intake(records, self._runs.add, limits)
        self._ended = threading.Event()
        self._socket = _bound(options.host, options.http_port)
        self.http_port = int(self._socket.getsockname()[1])
        self._web = _web_server(self.intake, options)
        self._rpc, self.grpc_port = _rpc_server(self.intake, options)
        self._thread = threading.Thread(target=self._web.run, args=([self._socket],), name="otlp-http")

    @property
    def scheme(self) -> str:
        """The scheme of the address over HTTP."""
        return "https" if self._options.certificate else "http"

    def start(self) -> None:
        """Begin to answer requests."""
        self._runs.start()
        self._thread.start()
        self._rpc.start()

    def wait(self) -> None:
        """Wait for Ctrl-C or SIGTERM. Only the main thread can."""

        def end(_: int, __: FrameType | None) -> None:
            self._ended.set()

        before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            while not self._ended.wait(1.0):
                pass
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        """Answer the requests that have begun, make runs of all spans, and close everything."""
        self._web.should_exit = True
        self._rpc.stop(_GRACE_S).wait()
        self._thread.join()
        self._socket.close()
        self._runs.stop()


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        found = socket.socket(family, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        # From here on, a sender waits rather than being refused.
        found.listen(128)
    except OSError as error:
        with suppress(UnboundLocalError):
            found.close()
        raise SourceError(
            f"the receiver cannot listen at {host}:{port}: {error.strerror or error}; give another port with --http-port"
        ) from error
    return found


def _web_server(intake: Intake, options: ListenOptions) -> Any:
    try:
        import uvicorn  # noqa: PLC0415  an extra

        from tracekit.sources.otlp.receiver.connections import BoundedConnection  # noqa: PLC0415  the same
        from tracekit.sources.otlp.receiver.http import OtlpHttp  # noqa: PLC0415  the same
    except ImportError as error:
        raise SourceError(f'{error.name} is missing; install it with: pip install "tracekit-agents[listen]"') from error
    config = uvicorn.Config(
        OtlpHttp(intake, options.token),
        http=BoundedConnection,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        limit_concurrency=256,
        timeout_graceful_shutdown=int(_GRACE_S),
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
        server_header=False,
    )
    return uvicorn.Server(config)


def _rpc_server(intake: Intake, options: ListenOptions) -> tuple[Any, int]:
    import grpc  # type: ignore[import-untyped]  # noqa: PLC0415  it takes a while to load

    from tracekit.sources.otlp.receiver.rpc import grpc_server  # noqa: PLC0415  the same

    credentials = None
    if options.certificate is not None and options.key is not None:
        pair = (options.key.read_bytes(), options.certificate.read_bytes())
        credentials = grpc.ssl_server_credentials([pair])
    host = f"[{options.host}]" if ":" in options.host else options.host
    return grpc_server(intake, f"{host}:{options.grpc_port}", options.token, credentials)

"""Receivers of OTLP that answer as a test says, and keep what they accepted."""

from __future__ import annotations

import gzip
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]  # it comes without types
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from typing_extensions import override

__all__ = ["PROTOBUF", "Heard", "Reply", "grpc_receiver", "html", "partial", "receiver", "redirect"]

PROTOBUF = {"content-type": "application/x-protobuf"}


@dataclass
class Reply:
    """The response to a request."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: dict(PROTOBUF))


@dataclass
class Heard:
    """The requests that a receiver got: its address, their sizes, and the spans of accepted requests."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    def take(self, request: Any) -> int:
        """Keep the spans of `request`; returns how many there are."""
        found = [span for each in request.resource_spans for scope in each.scope_spans for span in scope.spans]
        self.spans.extend(found)
        for each in request.resource_spans:
            self.services.update(a.value.string_value for a in each.resource.attributes if a.key == "service.name")
        return len(found)

    def names(self) -> list[str]:
        return sorted(span.name for span in self.spans)

    def attributes(self) -> list[dict[str, Any]]:
        return [{each.key: each.value for each in span.attributes} for span in self.spans]


def partial(body: bytes) -> Reply:
    """Reject every span of the request."""
    number = Heard().take(service.ExportTraceServiceRequest.FromString(body))
    message = service.ExportTraceServiceResponse()
    message.partial_success.rejected_spans = number
    message.partial_success.error_message = "all rejected"
    return Reply(body=message.SerializeToString())


def redirect(_: bytes) -> Reply:
    return Reply(302, headers={"location": "http://user:s3cr3tpass@127.0.0.1:9/elsewhere?token=t0ps3cret"})


def html(_: bytes) -> Reply:
    return Reply(body=b"<html><body>Sign in</body></html>", headers={"content-type": "text/html"})


@contextmanager
def receiver(reply: Callable[[bytes], Reply] = lambda _: Reply(), certificate: Path | None = None) -> Iterator[Heard]:
    """A receiver over HTTP for the block; with a `certificate` over TLS."""
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            heard.bodies.append(body)
            heard.sizes.append(len(body))
            heard.headers.append({name.lower(): value for name, value in self.headers.items()})
            answer = reply(body)
            if answer.status == 200 and not answer.body and not self.path.endswith("/v1/metrics"):
                heard.take(service.ExportTraceServiceRequest.FromString(body))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        @override
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that goes away is no fault of the test's."""

    server = Server(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    heard.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def grpc_receiver(most_bytes: int | None = None) -> Iterator[Heard]:
    """A receiver over gRPC for the block, with the usual limit of 4 MiB, or `most_bytes`."""
    heard = Heard()

    class Servicer(trace_service_pb2_grpc.TraceServiceServicer):
        @override
        def Export(self, request: Any, context: Any) -> Any:
            heard.sizes.append(request.ByteSize())
            heard.headers.append(dict(context.invocation_metadata()))
            heard.take(request)
            return service.ExportTraceServiceResponse()

    options = [("grpc.max_receive_message_length", most_bytes)] if most_bytes else []
    server = grpc.server(futures.ThreadPoolExecutor(2), options=options)
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Servicer(), server)  # type: ignore[no-untyped-call]
    heard.url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield heard
    finally:
        server.stop(None).wait()

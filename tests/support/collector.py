"""A real OpenTelemetry collector, Rotel, and what it says that it received."""

from __future__ import annotations

import re
import socket
import subprocess
import sysconfig
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.ports import free_port
from tests.support.waiting import eventually

__all__ = ["Collector", "Received", "Silent", "collector", "silent"]

_BINARY = Path(sysconfig.get_paths()["purelib"]) / "rotel" / "rotel-agent"
_TYPES = {"Str": str, "Int": int, "Double": float, "Bool": lambda text: text == "true"}


@dataclass
class Received:
    """A span as the collector printed it. `types` are those of its attributes on the wire."""

    trace: str = ""
    id: str = ""
    parent: str = ""
    name: str = ""
    kind: str = ""
    start_ns: int = 0
    end_ns: int = 0
    status: str = ""
    message: str = ""
    scope: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    resource: dict[str, Any] = field(default_factory=dict)


class Collector:
    """A running collector: `http` and `grpc` are its addresses."""

    def __init__(self, process: subprocess.Popen[str], http: str, grpc: str) -> None:
        self.http, self.grpc = http, grpc
        self.printed: list[str] = []
        self._process = process
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.printed.extend(self._process.stdout)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def variables(self, protocol: str) -> dict[str, str]:
        """The variables that let a program export to it."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.grpc if protocol == "grpc" else self.http,
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        }

    def so_far(self) -> list[Received]:
        """The spans that have come by now."""
        return _parse("".join(self.printed))

    def received(self, number: int) -> list[Received]:
        """The spans that have come, by their begins; there are to be `number` of them."""
        eventually(lambda: len(self.so_far()) >= number, lambda: [span.name for span in self.so_far()])
        # What would come on top comes now.
        time.sleep(0.2)
        found = self.so_far()
        assert len(found) == number, [span.name for span in found]
        return sorted(found, key=lambda span: (span.start_ns, -span.end_ns))


def _parse(printed: str) -> list[Received]:
    spans: list[Received] = []
    resource: dict[str, Any] = {}
    scope = ""
    target: dict[str, Any] | None = None
    types: dict[str, str] = {}
    for line in re.split(
        r"\n(?=    |ResourceSpans|Resource |ScopeSpans|Instrumentation|Span #|Start time|End time|Attributes|Events)",
        printed,
    ):
        name, _, value = line.strip().partition(":")
        name, value = name.strip(), value.removeprefix(" ")
        if line.startswith("Resource attributes"):
            resource = {}
            target, types = resource, {}
        elif line.startswith("InstrumentationScope"):
            scope = line.split()[1]
        elif line.startswith("Span #"):
            spans.append(Received(scope=scope, resource=resource))
        elif line.startswith("Events"):
            target = None
        elif line.startswith("Attributes:"):
            target, types = spans[-1].attributes, spans[-1].types
        elif line.startswith("     -> ") and target is not None:
            key, _, typed = line.strip().removeprefix("-> ").partition(": ")
            kind, _, text = typed.partition("(")
            text = text.removesuffix(")")
            types[key] = kind
            target[key] = _TYPES.get(kind, str)(text)  # type: ignore[operator]
        elif spans:
            _tell(spans[-1], name, value)
    return spans


def _tell(span: Received, name: str, value: str) -> None:
    known = {
        "Trace ID": "trace",
        "Parent ID": "parent",
        "ID": "id",
        "Name": "name",
        "Kind": "kind",
        "Start time": "start_ns",
        "End time": "end_ns",
        "Status code": "status",
        "Status message": "message",
    }
    if name in known:
        attribute = known[name]
        setattr(span, attribute, int(value) if attribute.endswith("_ns") else value.strip())


@contextmanager
def collector(signal: str = "traces", passing_on: Sequence[str] = ("--exporter", "blackhole")) -> Iterator[Collector]:
    """A collector for the block, which prints what it receives of `signal`; `passing_on` are options of its exporter."""
    http, grpc = free_port(), free_port()
    command = [
        *(str(_BINARY), "start", *passing_on, "--debug-log", signal),
        *("--debug-log-verbosity", "detailed"),
        *("--otlp-grpc-endpoint", f"127.0.0.1:{grpc}", "--otlp-http-endpoint", f"127.0.0.1:{http}"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    found = Collector(process, f"http://127.0.0.1:{http}", f"http://127.0.0.1:{grpc}")
    try:
        for port in (http, grpc):
            _wait_for(port)
        yield found
    finally:
        found.stop()


def _wait_for(port: int) -> None:
    def is_open() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    eventually(is_open, lambda: f"nothing listens on port {port}")


class Silent:
    """An endpoint that takes connections and never answers."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._taken: list[socket.socket] = []
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        while True:
            try:
                self._taken.append(self._server.accept()[0])
            except OSError:
                return

    def stop(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()
        for taken in self._taken:
            taken.close()


@contextmanager
def silent() -> Iterator[Silent]:
    """An endpoint that never answers, for the block."""
    endpoint = Silent()
    try:
        yield endpoint
    finally:
        endpoint.stop()

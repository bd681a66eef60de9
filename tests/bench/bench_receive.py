"""Receives spans of 4.5 kB from four senders that retry, kills the receiver in between, and counts what is there.

    python -m tests.bench.bench_receive [--spans 100000] [--json]

The rate is in spans for each second of CPU that the receiver takes, beside that of a bare bulk insert: the same spans,
decoded already, appended to a table of DuckDB by the thousand.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.ports import free_port

_BATCH, _SENDERS, _IN_TRACE = 500, 4, 100
_TEXT = " ".join(f"word{number}" for number in range(500))[:3_600]


def body(number: int) -> bytes:
    """Return the request with the spans from `number` on, in traces of a hundred."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for each in range(number, number + _BATCH):
        span = scope.spans.add()
        trace, place = divmod(each, _IN_TRACE)
        span.trace_id, span.span_id = (trace + 1).to_bytes(16, "big"), (each + 1).to_bytes(8, "big")
        if place:
            span.parent_span_id = (trace * _IN_TRACE + 1).to_bytes(8, "big")
        span.name = "chat" if place else "invoke_agent lead"
        span.start_time_unix_nano = 1_795_000_000_000_000_000 + each * 1_000_000
        span.end_time_unix_nano = span.start_time_unix_nano + 900_000
        told: dict[str, Any] = {
            "gen_ai.operation.name": "chat" if place else "invoke_agent",
            "gen_ai.request.model": "claude-opus-4-8",
        }
        told |= {f"app.attribute.{index}": f"value {each} {index}" for index in range(20)}
        for name, value in {**told, "gen_ai.input.messages": f"{each} {_TEXT}"}.items():
            span.attributes.add(key=name).value.string_value = value
        if place:
            for index, name in enumerate(("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")):
                span.attributes.add(key=name).value.int_value = each + index
    packed: bytes = request.SerializeToString()
    return packed


class _Receiver:
    """The command, which may be killed and started again. `cpu_s` is the time of those that ended."""

    def __init__(self, home: Path, port: int) -> None:
        self._home, self._port = home, port
        self.cpu_s, self.now_s, self.memory = 0.0, 0.0, 0
        self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tracekit", "collect", "--listen"]
        ports = ["--http-port", str(self._port), "--grpc-port", "0"]
        env = {**os.environ, "TRACEKIT_HOME": str(self._home)}
        return subprocess.Popen([*command, *ports], env=env, stderr=subprocess.DEVNULL)

    def look(self) -> None:
        """Note the CPU time and the memory."""
        folder = Path("/proc") / str(self._process.pid)
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        self.now_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        (peak,) = [line for line in (folder / "status").read_text().splitlines() if line.startswith("VmHWM")]
        self.memory = max(self.memory, 1024 * int(peak.split()[1]))

    def kill(self) -> None:
        """Kill the process, and start another."""
        self.look()
        self.cpu_s += self.now_s
        self._process.kill()
        self._process.wait()
        self._process = self._started()

    def stop(self) -> None:
        """End the process in good order."""
        self._process.send_signal(signal.SIGINT)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self._process.wait(600)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu_s += after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def send(port: int, bodies: list[bytes], tries: list[int]) -> None:
    """Send each of `bodies` until it is acknowledged."""
    for each in bodies:
        while True:
            tries.append(1)
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                connection.request("POST", "/v1/traces", each, {"content-type": "application/x-protobuf"})
                status = connection.getresponse().status
                connection.close()
                if status == 200:
                    break
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.2)


def insert(bodies: list[bytes]) -> float:
    """Return the CPU seconds of a bare bulk insert of the same spans."""
    rows = []
    for each in bodies:
        for span in ExportTraceServiceRequest.FromString(each).resource_spans[0].scope_spans[0].spans:
            attributes = json.dumps({pair.key: pair.value.string_value for pair in span.attributes})
            rows.append((span.trace_id.hex(), span.span_id.hex(), span.name, span.start_time_unix_nano, attributes))
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(str(Path(folder) / "bare.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE spans (trace VARCHAR, id VARCHAR, name VARCHAR, start BIGINT, attributes VARCHAR)"
        )
        begun = time.process_time()
        with connection.appender("spans") as appender:
            for row in rows:
                appender.append_row(*row)
        return time.process_time() - begun


def main() -> None:
    """Run the benchmark, and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    bodies = [body(number) for number in range(0, options.spans, _BATCH)]
    random.Random(3).shuffle(bodies)
    bare_s = insert(bodies)
    tries: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        receiver = _Receiver(Path(folder), port := free_port())
        shares = [bodies[number::_SENDERS] for number in range(_SENDERS)]
        threads = [threading.Thread(target=send, args=(port, share, tries)) for share in shares]
        for thread in threads:
            thread.start()
        killed = False
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.2)
            receiver.look()
            if not killed and len(tries) > len(bodies) / 2:
                receiver.kill()
                killed = True
        received_s = receiver.cpu_s + receiver.now_s
        receiver.stop()
        lines = [
            line[7:23] for path in Path(folder).rglob("received/*/*.jsonl") for line in path.read_bytes().splitlines()
        ]
        runs = len(list(Path(folder).rglob("runs/*/*.jsonl")))
    figures = {
        "spans": options.spans,
        "bytes_a_span": round(sum(map(len, bodies)) / options.spans),
        "lost": options.spans - len(set(lines)),
        "twice": len(lines) - len(set(lines)),
        "runs": runs,
        "requests": len(tries),
        "spans_a_cpu_second": round(options.spans / received_s),
        "of_a_bare_insert": round(bare_s / received_s, 3),
        "whole_cpu_s": round(receiver.cpu_s, 1),
        "memory_mb": round(receiver.memory / 1e6),
    }
    print(json.dumps(figures) if options.json else "\n".join(f"{name:20} {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()

"""The receiver: answers by the specification, limits, and spans on the disk before they are acknowledged."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from tests.sources.transcripts import runs
from tests.support.cli import environment, tracekit, tracekit_json
from tests.support.foreign import TRACE, listening, outline, posted, request, span
from tests.support.waiting import eventually
from tests.support.warm import warm_python
from tracekit.cli.listening import token_of
from tracekit.errors import SourceError
from tracekit.journal.home import received_path
from tracekit.sources.otlp.receiver.answers import success
from tracekit.sources.otlp.receiver.intake import Accepted, BusyError, IntakeLimits, StorageError
from tracekit.sources.otlp.receiver.serve import ListenOptions, OtlpReceiver
from tracekit.sources.otlp.receiver.zstd import ZstdDecompressor

CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "claude-opus-4-8",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
}


def _call(id: int = 1, **more: Any) -> dict[str, Any]:
    return span(id, 0, "chat claude-opus-4-8", 0, 1, CALL, **more)


def _protobuf(*spans: Any) -> ExportTraceServiceRequest:
    from google.protobuf.json_format import ParseDict  # type: ignore[import-untyped]

    from tests.support.foreign import request as in_json

    message = ParseDict(in_json(*spans), ExportTraceServiceRequest())
    for each in message.resource_spans[0].scope_spans[0].spans:
        # JSON of protobuf has base64 where that of OTLP has hex.
        each.trace_id, each.span_id = bytes.fromhex(spans[0]["traceId"]), bytes.fromhex(spans[0]["spanId"])
    return message  # type: ignore[no-any-return]


def test_what_is_accepted(home: Path) -> None:
    body = _protobuf(_call()).SerializeToString()
    protobuf = {"content_type": "application/x-protobuf"}
    with listening() as receiver:
        status, answer, headers = posted(receiver, body, **protobuf)
        assert (status, headers["content-type"]) == (200, "application/x-protobuf")
        assert not ExportTraceServiceResponse.FromString(answer).HasField("partial_success")
        # What is sent again, in any form, adds nothing.
        assert posted(receiver, gzip.compress(body), **protobuf, content_encoding="gzip")[0] == 200
        zstd = ZstdDecompressor.__module__
        compress = __import__(zstd, fromlist=["compress"]).compress
        assert posted(receiver, compress(body), **protobuf, content_encoding="zstd")[0] == 200
        status, answer, headers = posted(receiver, request(_call()))
        assert (status, answer, headers["content-type"]) == (200, b"{}", "application/json")
        with grpc.insecure_channel(f"127.0.0.1:{receiver.grpc_port}") as channel:
            assert TraceServiceStub(channel).Export(_protobuf(_call())) == ExportTraceServiceResponse()  # type: ignore[no-untyped-call]
            MetricsServiceStub(channel).Export(ExportMetricsServiceRequest())  # type: ignore[no-untyped-call]
            LogsServiceStub(channel).Export(ExportLogsServiceRequest())  # type: ignore[no-untyped-call]
        assert posted(receiver, {"resourceMetrics": []}, "/v1/metrics")[0] == 200
        assert posted(receiver, {"resourceLogs": []}, "/v1/logs")[0] == 200
        assert posted(receiver, b"{}")[0] == 200
        assert len(received_path(TRACE).read_text().splitlines()) == 1
    (run,) = runs()
    assert (run.id, run.status, run.root.tokens.input) == (TRACE, "ok", 100)
    assert outline(run) == ["~agent main", "  ~turn", "    llm claude-opus-4-8 100/20"]


def test_what_is_refused_for_good(home: Path) -> None:
    limits = IntakeLimits(body_bytes=2_000)
    with listening(limits) as receiver:
        for body, headers, status in [
            (b"{", {}, 400),
            (b"[]", {}, 400),
            (b'{"x": 1}', {}, 400),
            (b"[" * 500, {}, 400),
            (b'{"resourceSpans":' + b"[" * 500 + b"]" * 500 + b"}", {}, 400),
            (b"\xff\xff", {"content_type": "application/x-protobuf"}, 400),
            (b"no gzip", {"content_encoding": "gzip"}, 400),
            (gzip.compress(b"{}" * 90)[:20], {"content_encoding": "gzip"}, 400),
            (b"no zstd", {"content_encoding": "zstd"}, 400),
            (b"{}", {"content_encoding": "br"}, 415),
            (b"{}", {"content_type": "text/plain"}, 415),
            (b" " * 2_001, {}, 413),
            (gzip.compress(b" " * 100_000), {"content_encoding": "gzip"}, 413),
        ]:
            given, answer, _ = posted(receiver, body, **headers)
            assert given == status, (body[:30], answer)
            told = Status.FromString(answer).message if headers.get("content_type") else json.loads(answer)["message"]
            assert told
        assert posted(receiver, b"{}", "/v1/nothing")[0] == 404
        with pytest.raises(urllib.error.HTTPError, match="405"):
            urllib.request.urlopen(f"http://127.0.0.1:{receiver.http_port}/v1/traces", timeout=60)
    assert runs() == []


def test_spans_without_ids_are_a_partial_success(home: Path) -> None:
    wrong = [{**_call(2), "traceId": "0" * 32}, {**_call(3), "spanId": "xyz"}, {**_call(4), "traceId": "77"}]
    with listening() as receiver:
        status, answer, _ = posted(receiver, request(_call(), *wrong))
        assert (status, json.loads(answer)["partialSuccess"]["rejectedSpans"]) == (200, "3")
        message = _protobuf(_call())
        message.resource_spans[0].scope_spans[0].spans.add(name="no id")
        with grpc.insecure_channel(f"127.0.0.1:{receiver.grpc_port}") as channel:
            told = TraceServiceStub(channel).Export(message).partial_success  # type: ignore[no-untyped-call]
        assert (told.rejected_spans, "no valid trace id" in told.error_message) == (1, True)
    assert len(runs()) == 1


def test_rejected_log_records_are_a_partial_success() -> None:
    told = success("logs", Accepted(2, "2 are beyond the limit")).partial_success
    assert (told.rejected_log_records, told.error_message) == (2, "2 are beyond the limit")
    assert not success("logs", Accepted()).HasField("partial_success")


def test_senders_are_asked_to_wait(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(IntakeLimits(held_bytes=1_000)) as receiver:
        stub = TraceServiceStub(grpc.insecure_channel(f"127.0.0.1:{receiver.grpc_port}"))  # type: ignore[no-untyped-call]
        with receiver.intake.holding(1_000):
            status, _, headers = posted(receiver, request(_call()))
            assert (status, headers["retry-after"]) == (429, str(BusyError.retry_s))
            assert _refused(stub) == (grpc.StatusCode.RESOURCE_EXHAUSTED, BusyError.retry_s)
        # A disk that is full.
        received_path(TRACE).parent.parent.mkdir(exist_ok=True)
        received_path(TRACE).parent.write_text("no folder")
        status, _, headers = posted(receiver, request(_call()))
        assert (status, headers["retry-after"]) == (503, str(StorageError.retry_s))
        assert _refused(stub) == (grpc.StatusCode.UNAVAILABLE, StorageError.retry_s)
        received_path(TRACE).parent.unlink()
        assert posted(receiver, request(_call()))[0] == 200
    assert len(runs()) == 1


def _refused(stub: Any) -> tuple[Any, int]:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Export(_protobuf(_call()))
    details = dict(caught.value.trailing_metadata())["grpc-status-details-bin"]
    retry = RetryInfo()
    assert Status.FromString(details).details[0].Unpack(retry)
    return caught.value.code(), retry.retry_delay.seconds


def test_a_token_is_asked_for(home: Path, tmp_path: Path) -> None:
    with listening(token="s3cret") as receiver:
        assert posted(receiver, request(_call()))[0] == 401
        assert posted(receiver, request(_call()), authorization="Bearer wrong")[0] == 401
        assert posted(receiver, request(_call()), authorization="Bearer s3cret")[0] == 200
        with grpc.insecure_channel(f"127.0.0.1:{receiver.grpc_port}") as channel:
            stub = TraceServiceStub(channel)  # type: ignore[no-untyped-call]
            with pytest.raises(grpc.RpcError, match="token"):
                stub.Export(_protobuf(_call()))
            stub.Export(_protobuf(_call()), metadata=(("authorization", "Bearer s3cret"),))
    (tmp_path / "token").write_text("abc\n")
    assert token_of(tmp_path / "token") == "abc"


def test_other_machines_need_a_token_and_tls(home: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"needs a token .* and TLS .*127.0.0.1 only"):
        OtlpReceiver(ListenOptions("0.0.0.0"), print)
    with pytest.raises(SourceError, match="needs TLS"):
        OtlpReceiver(ListenOptions("192.0.2.1", token="x"), print)
    with pytest.raises(SourceError, match="is not a file"):
        OtlpReceiver(ListenOptions(certificate=tmp_path / "a", key=tmp_path / "b"), print)
    with listening() as receiver, pytest.raises(SourceError, match="the receiver cannot listen at"):
        OtlpReceiver(ListenOptions(http_port=receiver.http_port, grpc_port=0), print)


def test_over_tls(home: Path, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    extra = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *extra], check=True, capture_output=True)
    import ssl

    with listening(certificate=certificate, key=key) as receiver:
        body = json.dumps(request(_call())).encode()
        sent = urllib.request.Request(
            f"https://localhost:{receiver.http_port}/v1/traces", body, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(sent, timeout=60, context=ssl.create_default_context(cafile=certificate)) as answer:
            assert answer.status == 200
        credentials = grpc.ssl_channel_credentials(certificate.read_bytes())
        with grpc.secure_channel(f"localhost:{receiver.grpc_port}", credentials) as channel:
            TraceServiceStub(channel).Export(_protobuf(_call(2)))  # type: ignore[no-untyped-call]
    (run,) = runs()
    assert run.count("llm") == 2


def test_a_killed_receiver_loses_nothing_that_it_acknowledged(home: Path) -> None:
    env = environment(home)
    first, port = _started(env)
    _send(port, _call(1), _call(2))
    first.kill()
    first.communicate()
    # A line that the kill cut.
    with received_path(TRACE).open("a") as file:
        file.write('{"id":"cut')
    second, port = _started(env)
    _send(port, _call(2), _call(3))
    eventually(lambda: [run.count("llm") for run in runs()] == [3], lambda: [outline(run) for run in runs()])
    os.kill(second.pid, signal.SIGTERM)
    said = second.communicate(timeout=60)[1]
    assert (second.returncode, "received 1 span" in said) == (0, True)
    assert [run["source"] for run in tracekit_json("ls", env=env)] == ["otlp"]
    refused = tracekit("collect", "--listen", "0.0.0.0", env=env)
    assert (refused.returncode, "can be reached from other machines" in refused.stderr) == (2, True)


def _started(env: dict[str, str]) -> tuple[subprocess.Popen[str], int]:
    command = [warm_python(), "-m", "tracekit", "collect", "--listen", "--http-port", "0", "--grpc-port", "0"]
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    line = next(line for line in iter(process.stderr.readline, "") if "listening" in line)
    return process, int(line.partition("http://127.0.0.1:")[2].partition(" ")[0])


def _send(port: int, *spans: Any) -> None:
    body = json.dumps(request(*spans)).encode()
    headers = {"content-type": "application/json"}
    sent = urllib.request.Request(f"http://127.0.0.1:{port}/v1/traces", body, headers)
    with urllib.request.urlopen(sent, timeout=60) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("head", [b"", b"POST /v1/traces HTTP/1.1\r\nhost: x\r\n"])
def test_a_connection_without_a_request_is_closed(head: bytes, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracekit.sources.otlp.receiver.connections._IDLE_S", 0.1)
    with (
        listening() as receiver,
        socket.create_connection(("127.0.0.1", receiver.http_port), timeout=60) as connection,
    ):
        connection.sendall(head)
        assert connection.recv(1) == b""
        assert posted(receiver, request(_call()))[0] == 200

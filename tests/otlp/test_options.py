"""Variables of the exporters that cannot be read: each is told, and spans are sent all the same."""

import grpc  # type: ignore[import-untyped]
import pytest
from opentelemetry.exporter.otlp.proto.http import Compression

from tracekit.otlp.destination import Protocol, destination
from tracekit.otlp.exporters import Ear, exporter_of
from tracekit.otlp.options import Signal, compression_of, timeout_of, unreadable_limits

PROTOCOLS = pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
SIGNALS = pytest.mark.parametrize("signal", ["trace", "metric"])
URLS = {"http/protobuf": "http://127.0.0.1:9/v1/traces", "grpc": "http://127.0.0.1:9"}


def warnings_of(protocol: Protocol, signal: Signal) -> list[str]:
    """The warnings with which an exporter is made, which raises nothing."""
    exporter, warnings = exporter_of(destination(protocol, URLS[protocol], {}), Ear(), None, signal)
    exporter.shutdown()
    return warnings


@PROTOCOLS
@SIGNALS
def test_a_bad_value_is_told_and_the_default_is_used(
    protocol: Protocol, signal: Signal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "long")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "zip")
    assert warnings_of(protocol, signal) == [
        "OTEL_EXPORTER_OTLP_TIMEOUT=long is not a positive number of seconds; 10 is used",
        "OTEL_EXPORTER_OTLP_COMPRESSION=zip is not one of none, gzip, deflate; no compression is used",
    ]


@PROTOCOLS
@SIGNALS
@pytest.mark.parametrize("compression", ["none", " GZIP ", "deflate", ""])
def test_a_good_value_is_taken_as_it_is(
    protocol: Protocol, signal: Signal, compression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2.5")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", compression)
    assert warnings_of(protocol, signal) == []


def test_the_variable_of_a_signal_comes_first() -> None:
    environment = {"OTEL_EXPORTER_OTLP_TIMEOUT": "2", "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "0.5"}
    assert timeout_of(environment, "metric") == (0.5, [])
    assert timeout_of(environment, "trace") == (2, [])
    assert timeout_of({}, "trace") == (10, [])


@pytest.mark.parametrize("text", ["0", "-1", "inf", "nan", "5s"])
def test_a_timeout_is_a_positive_number(text: str) -> None:
    seconds, (warning,) = timeout_of({"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": text}, "trace")
    assert seconds == 10
    assert warning.startswith(f"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT={text} is not a positive number")


@pytest.mark.parametrize("name", ["none", "gzip", "deflate"])
def test_both_libraries_know_each_compression(name: str) -> None:
    member, warnings = compression_of({"OTEL_EXPORTER_OTLP_COMPRESSION": name}, "trace")
    assert not warnings
    assert member in Compression.__members__
    assert member in grpc.Compression.__members__


def test_a_limit_that_is_no_number_is_named() -> None:
    environment = {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "few", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "3", "LIMIT": "x"}
    assert unreadable_limits(environment) == ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=few is not a number"]
    assert unreadable_limits({"OTEL_SPAN_LINK_COUNT_LIMIT": ""}) == []

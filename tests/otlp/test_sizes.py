"""Export requests that fit: cut by bytes, and halved if a collector refuses them.

A span that is too large goes without its content.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from tests.support.collector import collector
from tests.support.receiver import Heard, Reply, grpc_receiver, receiver
from tracekit import semconv
from tracekit.model.events import Failure
from tracekit.otlp.attributes import wired
from tracekit.otlp.delivery import Deliverer
from tracekit.otlp.destination import Destination, Limits, destination, limits_of, traces_url
from tracekit.otlp.outcome import Delivery
from tracekit.otlp.sizes import reduced, size_of
from tracekit.otlp.span_data import SpanData, content_size, drop_content
from tracekit.otlp.wire import Sender
from tracekit.privacy import SpanRules

RULES = SpanRules(content=True, redact=str)
WORDS = "word " * 100_000


def span_data(number: int, **attributes: Any) -> SpanData:
    return SpanData("a" * 32, "run", "b" * 32, f"{number:016x}", None, "tool", f"tool {number}", 1, 2, None, attributes)


def spans(number: int, result: str = WORDS) -> Iterator[SpanData]:
    return (span_data(each, **{semconv.TOOL_CALL_RESULT: result}) for each in range(1, number + 1))


def to(heard: Heard, protocol: Any) -> Destination:
    return destination(protocol, heard.url if protocol == "grpc" else traces_url(heard.url), {})


def deliver(where: Destination, given: Iterator[SpanData], limits: Limits | None = None) -> Delivery:
    sender = Sender(where, {"service.name": "s"})
    try:
        return Deliverer(sender, RULES, limits or Limits()).deliver(given)
    finally:
        sender.close()


def test_batches_fit_a_grpc_server_with_its_usual_limit() -> None:
    with grpc_receiver() as heard:
        assert deliver(to(heard, "grpc"), spans(40)) == Delivery(40)
    assert len(heard.spans) == 40
    assert max(heard.sizes) <= 4 * 1024 * 1024
    # Seven spans of half a megabyte a request: none goes alone.
    assert len(heard.sizes) == 6


def test_a_span_too_large_alone_loses_its_content_and_says_so() -> None:
    large = span_data(
        1, **{semconv.TOOL_CALL_RESULT: "x" * 5_000_000, semconv.TOOL_NAME: "look", "of.others": "y" * 900}
    )
    with grpc_receiver() as heard:
        given = iter([span_data(2), large, span_data(3, **{"of.others": "z" * 5_000_000})])
        assert deliver(to(heard, "grpc"), given) == Delivery(3, cut=2)
    by_name = {span.name: {each.key: each.value for each in span.attributes} for span in heard.spans}
    cut = by_name["tool 1"]
    assert cut[semconv.TOOL_NAME].string_value == "look"
    assert len(cut["of.others"].string_value) == 900
    assert semconv.TOOL_CALL_RESULT not in cut
    assert [each.string_value for each in cut[semconv.CONTENT_DROPPED].array_value.values] == [semconv.TOOL_CALL_RESULT]
    assert len(by_name["tool 3"]["of.others"].string_value) == 256
    assert semconv.CONTENT_DROPPED not in by_name["tool 2"]


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_what_is_too_large_for_a_collector_is_halved_until_it_fits(protocol: str) -> None:
    most = 300_000

    def reply(body: bytes) -> Reply:
        return Reply(413) if len(body) > most else Reply()

    with receiver(reply) if protocol != "grpc" else grpc_receiver(most) as heard:
        given = [*spans(20, "w" * 50_000), *spans(1, "w" * 500_000)]
        assert deliver(to(heard, protocol), iter(given)) == Delivery(21, cut=1)
        assert len(heard.spans) == 21
        sender = Sender(to(heard, protocol), {})
        deliverer = Deliverer(sender, RULES, Limits())
        assert deliverer.deliver(spans(20, "w" * 50_000)) == Delivery(20)
        learned = len(heard.sizes)
        assert deliverer.deliver(spans(20, "w" * 50_000)) == Delivery(20)
        sender.close()
    # What was learned of the collector holds for the requests after: none of them is refused.
    assert max(heard.sizes[learned:]) <= most


def test_a_collector_in_rust_says_it_in_other_words() -> None:
    with collector() as found:
        where = destination("grpc", found.grpc, {})
        assert deliver(where, spans(12), Limits(batch_bytes=100_000_000)) == Delivery(12)
        assert len(found.received(12)) == 12


def test_who_refuses_everything_for_its_size_is_not_asked_for_ever() -> None:
    with receiver(lambda _: Reply(413)) as heard:
        done = deliver(to(heard, "http/protobuf"), spans(100, "w" * 5000))
    assert (done.sent, done.lost) == (0, 100)
    assert "413" in str(done.reason)
    assert len(heard.sizes) < 150


def test_the_size_that_is_reckoned_is_never_less_than_that_on_the_wire() -> None:
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    attributes = {
        "text": "ä€😀" * 200,
        "lone": "\ud800" * 50,
        "integer": -(1 << 63),
        "real": 0.1,
        "truth": True,
        "list": ["a", "", "é" * 300] * 20,
        "numbers": [1 << 62] * 30,
        semconv.TOOL_CALL_RESULT: {"nested": ["x"] * 100},
    }
    failing = replace(span_data(1, **attributes), failure=Failure("odd", "m" * 500), parent="c" * 16)
    where = destination("http/protobuf", "http://127.0.0.1:9/v1/traces", {})
    sender = Sender(where, {})
    for each in (failing, span_data(2), *spans(1)):
        span = wired(each, RULES)
        readable: ReadableSpan = sender._readable(span)
        real = encode_spans([readable]).resource_spans[0].scope_spans[0].spans[0].ByteSize()
        assert real <= size_of(span) <= real * 1.5 + 1000
        assert size_of(reduced(span, 10)) <= max(size_of(span), 3000)
    sender.close()


def test_content_that_waits_is_counted_and_can_be_left_out() -> None:
    each = span_data(1, **{semconv.TOOL_CALL_ARGUMENTS: {"a": ["x" * 100, "y" * 100]}, semconv.TOOL_NAME: "look"})
    assert content_size(each) == 200
    drop_content(each)
    assert content_size(each) == 0
    assert each.attributes == {semconv.TOOL_NAME: "look", semconv.CONTENT_DROPPED: [semconv.TOOL_CALL_ARGUMENTS]}


def test_the_variable_for_the_size() -> None:
    assert limits_of({})[0].batch_bytes < 4 * 1024 * 1024
    assert limits_of({"TRACEKIT_OTLP_MAX_BYTES": "1000000"})[0].batch_bytes == 1_000_000
    limits, warnings = limits_of({"TRACEKIT_OTLP_MAX_BYTES": "much"})
    assert (limits.batch_bytes, len(warnings)) == (Limits().batch_bytes, 1)

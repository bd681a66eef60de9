"""Every way to call the SDK, beside other instrumentations and with other versions of the SDK.

Usage: every_way.py PEER ORDER. PEER names an instrumentation, or is `none`. ORDER says whether the application sets
its TracerProvider `before` or `after` it calls `tracekit.init()`. It prints one JSON object: how many calls of the model
it made, the tokens that the SDK told it of, and the spans that the application's own exporter got.
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib import import_module
from typing import Any

import anthropic
from anthropic.types import Message
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import tracekit

MODEL = "claude-sonnet-5"

exporter = InMemorySpanExporter()
said: list[Message] = []


INSTRUMENTORS = {
    "openinference": "openinference.instrumentation.anthropic",
    "traceloop": "opentelemetry.instrumentation.anthropic",
    "opentelemetry": "opentelemetry.instrumentation.genai.anthropic",
}
"""The module of each peer's `AnthropicInstrumentor`. They are imported by name: each is in an environment of its own."""


def activate(peer: str) -> None:
    """Set up tracing as the peer's documentation says, with an exporter that keeps what it gets."""
    processor = SimpleSpanProcessor(exporter)
    if peer == "logfire":
        logfire = import_module("logfire")
        logfire.configure(send_to_logfire=False, console=False, additional_span_processors=[processor])
        logfire.instrument_anthropic()
        return
    provider = TracerProvider()
    provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    if peer != "none":
        # Openinference's documentation passes the provider; the others take the global one, which is the same.
        import_module(INSTRUMENTORS[peer]).AnthropicInstrumentor().instrument(tracer_provider=provider)


def asking(words: str) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": words}]}


# ── the ways to call ─────────────────────────────────────────────────────────────────────────────────────────────────


def call(client: anthropic.Anthropic) -> None:
    """Every way of the synchronous client."""
    said.append(client.messages.create(**asking("plain")))
    said.append(client.messages.create(**asking("overloaded once")))
    said.append(client.messages.with_raw_response.create(**asking("raw")).parse())
    with client.messages.stream(**asking("helper")) as helper:
        said.append(helper.get_final_message())
    said.append(collected(client.messages.create(**asking("stream"), stream=True)))
    with client.messages.create(**asking("stream in a block"), stream=True) as block:
        said.append(collected(block))
    with client.messages.with_streaming_response.create(**asking("streaming response")) as response:
        said.append(response.parse())
    client.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "count"}])
    try:
        client.messages.create(**asking("refused"))
    except anthropic.BadRequestError as error:
        print(f"refused: {error.status_code}", file=sys.stderr)


async def call_async(client: anthropic.AsyncAnthropic) -> None:
    """The ways of the asynchronous client, two at once."""
    both = await asyncio.gather(
        client.messages.create(**asking("async one")), client.messages.create(**asking("async two"))
    )
    said.extend(both)
    async with client.messages.stream(**asking("async helper")) as helper:
        said.append(await helper.get_final_message())
    snapshot: Message | None = None
    async for event in await client.messages.create(**asking("async stream"), stream=True):
        snapshot = grown(snapshot, event)
    assert snapshot is not None
    said.append(snapshot)


@tracekit.tool
def look_up(city: str) -> str:
    """A tool that leaves a span of the application's own."""
    with trace.get_tracer("the.application").start_as_current_span("query"):
        return f"18 degrees in {city}"


def use_tool(client: anthropic.Anthropic) -> None:
    """A turn that requests a tool, and the turn that gets its result, within a span of the user's."""
    question = asking("tool")
    first = client.messages.create(**question)
    said.append(first)
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": look_up(**block.input)}
        for block in first.content
        if block.type == "tool_use"
    ]
    question["messages"] += [
        {"role": "assistant", "content": [block.to_dict() for block in first.content]},
        {"role": "user", "content": results},
    ]
    with trace.get_tracer("the.application").start_as_current_span("answering"):
        said.append(client.messages.create(**question))


def collected(stream: anthropic.Stream[anthropic.types.RawMessageStreamEvent]) -> Message:
    """The message that the events of `stream` add up to, as far as its usage goes."""
    snapshot: Message | None = None
    for event in stream:
        snapshot = grown(snapshot, event)
    assert snapshot is not None
    return snapshot


def grown(snapshot: Message | None, event: anthropic.types.RawMessageStreamEvent) -> Message | None:
    """`snapshot` after `event`."""
    if event.type == "message_start":
        return event.message
    if event.type == "message_delta" and snapshot is not None:
        snapshot.usage.output_tokens = event.usage.output_tokens
    return snapshot


def _scope(span: ReadableSpan) -> str:
    return span.instrumentation_scope.name if span.instrumentation_scope else ""


def main(peer: str, order: str) -> None:
    """Set up tracing and recording in `order`, make the calls, and print what came of them."""
    if order == "after":
        tracekit.init()
    activate(peer)
    if order == "before":
        tracekit.init()
    with tracekit.run("peers"), anthropic.Anthropic() as client:
        with tracekit.agent("caller"):
            call(client)
            asyncio.run(call_async(anthropic.AsyncAnthropic()))
        with trace.get_tracer("the.application").start_as_current_span("handle request"):
            use_tool(client)
    usages = [message.usage for message in said]
    spans = [(_scope(span), span.name) for span in exporter.get_finished_spans()]
    told = {
        # One more than it got answers to: the one that was refused.
        "calls": len(said) + 1,
        "input": sum(
            usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
            for usage in usages
        ),
        "output": sum(usage.output_tokens for usage in usages),
        "cache_read": sum(usage.cache_read_input_tokens or 0 for usage in usages),
        "spans": spans,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])

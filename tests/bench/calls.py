"""Makes calls in one variant of tracing, and prints the process's CPU time per call in microseconds.

Usage: calls.py VARIANT [URL]. It is a process of its own, run by the benchmarks.

The transport is a mock, so no socket's cost is in the figures; bodies come through a stream, as from a real transport.
If there is a URL, it is that of a server that answers alike, and some of the calls are made to it, too.
Garbage collection stays on, and each figure ends with a collection and a flush of the spans, so that nothing that a
call leaves behind is done at nobody's expense. What is loaded before is exempt from collection: it is the same for all.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import nullcontext
from importlib import import_module
from typing import Any

import anthropic
import httpx2
from typing_extensions import override

from tracekit.demo.answers import message, stream, text

VARIANTS = ("bare", "sdk", "tracekit", "tracekit alone", "openinference")
"""Without any tracing; with the SDK's own; with tracekit beside it; tracekit and no provider; another instrumentation."""

DELTAS = 40
ASKED: dict[str, Any] = {
    "model": "claude-sonnet-5",
    "max_tokens": 1000,
    "system": "You are the one who answers questions about the weather. Be brief. " * 8,
    "messages": [
        {"role": "user", "content": "What will the weather be like in Oslo tomorrow, and what should I wear?"}
    ],
}
LONG: dict[str, Any] = {
    **ASKED,
    "messages": [
        {"role": "user" if number % 2 == 0 else "assistant", "content": f"{number} " + "words " * 160}
        for number in range(41)
    ],
}
"""Some 40 kB, as in the middle of an agent's work."""

ANSWER = message(text("It will be fine, with a light breeze from the west and no rain. " * 8))
STREAM = stream(message(text("word " * (DELTAS - 1) + "end")))
_EVENTS = [chunk for _, chunk in STREAM.chunks or ()]


class _Body(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body that arrives in `chunks`."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    @override
    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


class _Claude:
    """Return the next response of the mock transport."""

    def __init__(self) -> None:
        self.chunks = [ANSWER.body]
        self.content_type = "application/json"

    def whole(self) -> None:
        """Answer with a message as a whole."""
        self.chunks, self.content_type = [ANSWER.body], "application/json"

    def events(self, chunks: list[bytes]) -> None:
        """Answer with a stream of events."""
        self.chunks, self.content_type = chunks, "text/event-stream; charset=utf-8"

    def __call__(self, _request: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": self.content_type, "request-id": "req_011CSHoEeqs5C35K2UUqR7Fy"}
        return httpx2.Response(200, headers=headers, stream=_Body(self.chunks))


def activate(variant: str) -> Callable[[], object]:
    """Set up tracing; returns what flushes it."""
    if variant in ("bare", "tracekit alone"):
        provider = None
    else:
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

        class Dropping(SpanExporter):
            @override
            def export(self, spans: Any) -> SpanExportResult:
                return SpanExportResult.SUCCESS

        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(Dropping()))
        trace.set_tracer_provider(provider)
        if variant == "openinference":
            # By name: it is installed in an environment of its own only.
            openinference = import_module("openinference.instrumentation.anthropic")
            openinference.AnthropicInstrumentor().instrument(tracer_provider=provider)
    if variant.startswith("tracekit"):
        import tracekit

        tracekit.init()
    return provider.force_flush if provider is not None else lambda: None


def main(variant: str, url: str | None = None) -> dict[str, float]:
    """Measure every way to call."""
    flush = activate(variant)
    claude = _Claude()
    transport = httpx2.MockTransport(claude)
    options: dict[str, Any] = {"api_key": "none", "base_url": "http://127.0.0.1:9"}
    if variant == "bare":
        options["open_telemetry"] = False
    client = anthropic.Anthropic(**options, http_client=httpx2.Client(transport=transport))
    async_client = anthropic.AsyncAnthropic(**options, http_client=httpx2.AsyncClient(transport=transport))
    figures: dict[str, float] = {}

    def create() -> object:
        return client.messages.create(**ASKED)

    def create_long() -> object:
        return client.messages.create(**LONG)

    def create_stream() -> None:
        for _ in client.messages.create(**ASKED, stream=True):
            pass

    def helper() -> None:
        with client.messages.stream(**ASKED) as helping:
            for _ in helping:
                pass

    async def create_async(calls: int) -> None:
        for _ in range(calls):
            await async_client.messages.create(**ASKED)

    def many(call: Callable[[], object]) -> Callable[[int], object]:
        def calls(number: int) -> None:
            for _ in range(number):
                call()

        return calls

    def measure(name: str, calls: Callable[[int], object], number: int, *, in_run: bool = True) -> None:
        with _run(variant) if in_run else nullcontext():
            calls(number // 5)
            flush()
            gc.collect()
            gc.freeze()
            begin = time.process_time_ns()
            calls(number)
            flush()
            gc.collect()
            figures[name] = (time.process_time_ns() - begin) / number / 1000

    measure("create", many(create), 300)
    measure("create, async", lambda number: asyncio.run(create_async(number)), 300)
    if url is not None:
        with anthropic.Anthropic(**{**options, "base_url": url}) as over_http:
            measure("create, over HTTP", many(lambda: over_http.messages.create(**ASKED)), 150)
            measure("stream, over HTTP", many(lambda: list(over_http.messages.create(**ASKED, stream=True))), 60)
    claude.events(_EVENTS)
    measure(f"stream, {len(_EVENTS)} chunks", many(create_stream), 100)
    measure(".stream()", many(helper), 60)
    claude.events([b"".join(_EVENTS)])
    measure("stream, 1 chunk", many(create_stream), 100)
    claude.whole()
    measure("create, 40 kB asked", many(create_long), 100)
    measure("create, a run each", many(create), 200, in_run=False)
    return figures


def _run(variant: str) -> Any:
    """The run in which the calls are made, where there is somebody to record it."""
    if not variant.startswith("tracekit"):
        return nullcontext()
    import tracekit

    return tracekit.run("bench")


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))

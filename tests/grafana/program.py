"""The program whose spans the panels are asked of: runs of given lengths, with retries, failures and subagents.

Usage: program.py HOW SECONDS… HOW is one of

- ``plain``: tracekit exports by itself;
- ``own``: the application has a provider of its own;
- ``beside``: it has, and another instrumentation adds an LLM span of its own to each call;
- ``killed``: as ``plain``, but the last run waits in its middle for the end of the process.

One run a length. No time passes: the clock of the record is moved on between the steps, unless ``REAL`` is set.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack, suppress
from typing import Any

import anthropic
from opentelemetry import trace
from opentelemetry.sdk import trace as otel

import tracekit
from tracekit.instrument.recorder import active

LEAD, WORKER = "claude-opus-5", "claude-haiku-4-5"
STEPS = 9


class MovedClock:
    """The clock of the record, with seconds added that did not pass."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._added_ns = 0

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return int(self._clock.now_ns()) + self._added_ns

    def move(self, seconds: float) -> None:
        """Let `seconds` have passed."""
        self._added_ns += int(seconds * 1e9)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clock, name)


def set_provider() -> None:
    """Set the application's provider, which exports over HTTP."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


class Story:
    """One run after the other, each in `STEPS` steps."""

    def __init__(self, client: anthropic.Anthropic, clock: MovedClock, *, beside: bool) -> None:
        self._client = client
        self._clock = clock
        self._beside = beside
        self._step_s = 0.0

    def run(self, seconds: float, *, stops: bool) -> None:
        """Make a run of `seconds`; one that `stops` says so in its middle, and waits."""
        self._step_s = seconds / STEPS
        with tracekit.run(f"run of {seconds:g} s"), tracekit.agent("lead"):
            self._ask(LEAD, "first")
            self._ask(LEAD, "busy")
            with tracekit.tool("look"), tracekit.agent("worker"):
                self._ask(WORKER, "task")
                self._ask(WORKER, "busy twice")
            with suppress(KeyError), tracekit.tool("broken"):
                self._pass()
                raise KeyError("broken")
            if stops:
                with tracekit.tool("long"):
                    print("waiting", flush=True)
                    time.sleep(600)
            with suppress(anthropic.BadRequestError):
                self._ask(LEAD, "refused")
            with tracekit.tool("look"), tracekit.agent("worker"):
                self._ask(WORKER, "task")
            with self._client.messages.stream(**asking(LEAD, "stream")) as events:
                events.until_done()
            self._pass()
            self._ask(LEAD, "last")

    def _ask(self, model: str, words: str) -> None:
        with ExitStack() as stack:
            if self._beside:
                attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model}
                attributes |= {"gen_ai.usage.input_tokens": 1, "gen_ai.usage.output_tokens": 1}  # type: ignore[dict-item]
                tracer = trace.get_tracer("opentelemetry.instrumentation.anthropic")
                stack.enter_context(tracer.start_as_current_span("anthropic.chat", attributes=attributes))
            self._client.messages.create(**asking(model, words))
        self._pass()

    def _pass(self) -> None:
        if os.environ.get("REAL"):
            time.sleep(self._step_s)
        else:
            self._clock.move(self._step_s)


def asking(model: str, words: str) -> dict[str, Any]:
    """Return the arguments of a call."""
    return {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": words}]}


def main(how: str, *lengths: str) -> None:
    """Make the runs."""
    if how in ("own", "beside"):
        set_provider()
    tracekit.init()
    recorder = active()
    assert recorder is not None
    clock = MovedClock(recorder.clock)
    recorder.clock = clock
    if not os.environ.get("REAL"):
        # What the application's own spans are timed with.
        vars(otel)["time_ns"] = clock.now_ns
    with anthropic.Anthropic() as client:
        story = Story(client, clock, beside=how == "beside")
        for length in lengths:
            story.run(float(length), stops=how == "killed" and length is lengths[-1])


if __name__ == "__main__":
    main(*sys.argv[1:])

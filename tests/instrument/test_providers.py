"""With, without and with a switched-off OpenTelemetry: the same record; and of the SDK's spans each is exported once."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic import beta_tool
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.util._once import Once

import tracekit
from tests.support.calling import ANSWER, MODEL, QUESTION, USAGE
from tests.support.recording import recordings, spans, stop, the_run, the_span, tree
from tracekit import semconv
from tracekit.demo.claude import (
    ReceivedRequest,
    ScriptedClaude,
    ScriptedResponse,
    error,
    message,
    reply,
    text,
    tool_use,
)
from tracekit.model.recording import Recording


@pytest.fixture(autouse=True)
def _no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins in a process that has no provider yet."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(trace, "_PROXY_TRACER_PROVIDER", trace.ProxyTracerProvider())


class Application:
    """A program with or without OpenTelemetry; `exported` is what it sends away."""

    def __init__(self, **options: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(**options)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def exported(self) -> list[ReadableSpan]:
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    """Overloaded once; else a tool is asked for, then the end; a question without tools is answered at once."""
    if asked.number == 0:
        return error(529, "overloaded_error", "Overloaded", {"retry-after-ms": "1"})
    body = asked.json()
    if "tools" not in body or "tool_result" in json.dumps(body["messages"][-1]):
        return reply(asked, ANSWER)
    return reply(asked, message(text("Let me look."), tool_use("look", {"at": "it"}, "toolu_1"), id="msg_1"))


def program(url: str, *, client_options: dict[str, Any] | None = None) -> None:
    """Record a span of each kind in one run."""
    with anthropic.Anthropic(base_url=url, api_key="key", **(client_options or {})) as client:

        @beta_tool
        def look(at: str) -> str:
            """Look at it."""
            client.messages.create(**QUESTION)
            return at

        @tracekit.tool
        def note(words: str) -> str:
            return words

        with tracekit.run("task"), tracekit.agent("lead"):
            with tracekit.turn():
                client.messages.create(**QUESTION)
                note("so")
            with client.messages.stream(**QUESTION) as events:
                events.until_done()
            with tracekit.agent("sub"):
                client.beta.messages.tool_runner(**QUESTION, tools=[look]).until_done()
            asked: Any = {name: value for name, value in QUESTION.items() if name != "max_tokens"}
            client.messages.count_tokens(**asked)


def normal(run: Recording) -> Any:
    """The run without its ids and times."""
    numbers = {span.id: number for number, span in enumerate(sorted(run.spans.values(), key=lambda s: s.start_ns))}
    times = ("gen_ai.response.time_to_first_chunk", "server.port", "url.full")
    return [
        (
            span.kind,
            span.name,
            numbers.get(span.parent or ""),
            span.status,
            span.failure,
            span.lane,
            {key: value for key, value in sorted(span.attributes.items()) if key not in times},
        )
        for span in sorted(run.spans.values(), key=lambda span: span.start_ns)
    ]


TREE = [
    "run task",
    "  agent invoke_agent lead",
    "    turn turn",
    f"      llm chat {MODEL}",
    "        attempt POST",
    "        attempt POST",
    "      tool execute_tool note",
    f"    llm chat {MODEL}",
    "      attempt POST",
    "    agent invoke_agent sub",
    f"      llm chat {MODEL}",
    "        attempt POST",
    "      tool execute_tool look",
    f"        llm chat {MODEL}",
    "          attempt POST",
    f"      llm chat {MODEL}",
    "        attempt POST",
    "    span anthropic.messages.count_tokens",
    "      attempt POST",
]


@pytest.fixture
def expected(home: Path) -> Any:
    """The record of `program` without any provider."""
    tracekit.init()
    with ScriptedClaude(respond) as claude:
        program(claude.url)
    run = the_run()
    assert tree(run) == TREE
    stop()
    for path in home.rglob("*.jsonl"):
        path.unlink()
    return normal(run)


def headers_of(claude: ScriptedClaude) -> set[str]:
    return {name for asked in claude.asked for name in asked.headers}


def test_provider_set_before(expected: Any) -> None:
    application = Application()
    trace.set_tracer_provider(application.provider)
    tracekit.init()
    with ScriptedClaude(respond) as claude:
        program(claude.url)
    check_exported(application, expected)
    assert "traceparent" in headers_of(claude)


def test_provider_set_after(expected: Any) -> None:
    tracekit.init()
    application = Application()
    trace.set_tracer_provider(application.provider)
    with ScriptedClaude(respond) as claude:
        program(claude.url)
    check_exported(application, expected)


def test_provider_set_after_the_first_call(expected: Any) -> None:
    tracekit.init()
    application = Application()
    with ScriptedClaude(respond) as claude:
        client = anthropic.Anthropic(base_url=claude.url, api_key="key")
        client.messages.create(**QUESTION)
        trace.set_tracer_provider(application.provider)
        client.messages.create(**QUESTION)
        client.close()
    names = [span.name for span in application.exported()]
    assert names == ["anthropic.messages.create", "POST"]
    assert [len(spans(run, "llm")) for run in recordings()] == [1, 1]


def check_exported(application: Application, expected: Any) -> None:
    run = the_run()
    assert normal(run) == expected
    exported = {format(span.context.span_id, "016x"): span for span in application.exported() if span.context}
    # The SDK has a span of its own for its runner; the agent that it stands in is exported, and is not counted twice.
    assert set(exported) == set(run.spans)
    for id, span in exported.items():
        recorded = run.spans[id]
        parent = format(span.parent.span_id, "016x") if span.parent else None
        assert parent == recorded.parent, span.name
        assert (span.status.status_code.name == "ERROR") == (recorded.status == "error"), span.name
    calls = [span for span in application.exported() if (span.attributes or {}).get("gen_ai.operation.name") == "chat"]
    assert len(calls) == 5
    usage = {name: value for name, value in USAGE.items() if name.startswith("gen_ai.usage")}
    assert {name: (calls[0].attributes or {}).get(name) for name in usage} == usage
    assert not [
        span.name
        for span in application.exported()
        if span not in calls and any(name.startswith("gen_ai.usage") for name in span.attributes or {})
    ]


def _can_be_disabled() -> bool:
    """Return whether this OpenTelemetry obeys OTEL_SDK_DISABLED, which the oldest supported version does not."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OTEL_SDK_DISABLED", "true")
        return isinstance(TracerProvider().get_tracer("any"), trace.NoOpTracer)


@pytest.mark.parametrize("case", ["off", "environment", "client", *(["disabled"] if _can_be_disabled() else [])])
def test_nothing_is_exported(case: str, expected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {"sampler": ALWAYS_OFF} if case == "off" else {}
    client_options: dict[str, Any] = {}
    if case == "disabled":
        monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    elif case == "environment":
        monkeypatch.setenv("ANTHROPIC_OPEN_TELEMETRY", "false")
    elif case == "client":
        client_options = {"open_telemetry": False}
    application = Application(**options)
    trace.set_tracer_provider(application.provider)
    with ScriptedClaude(respond) as claude:
        with anthropic.Anthropic(base_url=claude.url, api_key="key", **client_options) as client:
            client.messages.create(**QUESTION)
        bare_headers = headers_of(claude)
    tracekit.init()
    with ScriptedClaude(respond) as claude:
        program(claude.url, client_options=client_options)
        ours = headers_of(claude)
    assert normal(the_run()) == expected
    assert ("traceparent" in ours) == ("traceparent" in bare_headers)
    exported = application.exported()
    if case in ("off", "disabled"):
        assert exported == []
    else:
        # What the SDK was told not to export is not exported; what tracekit was told to note is.
        scopes = {span.instrumentation_scope.name for span in exported if span.instrumentation_scope}
        assert scopes == {"tracekit"}
        assert {span.name for span in exported} == {
            "task",
            "invoke_agent lead",
            "invoke_agent sub",
            "turn",
            "execute_tool note",
        }


OURS = (semconv.FINISH_REASONS, semconv.AGENT_NAME)
"""Names of the conventions that the SDK does not set, and tracekit does."""


def test_llm_span_is_that_of_the_sdk(home: Path) -> None:
    """The SDK's attributes, the kind, the status and the scope of the exported call are those without us."""

    def export() -> list[ReadableSpan]:
        application = Application()
        with ScriptedClaude(respond) as claude:
            options: Any = {"open_telemetry": {"tracer_provider": application.provider}}
            with anthropic.Anthropic(base_url=claude.url, api_key="key", **options) as client:
                client.messages.create(**QUESTION)
                with client.messages.stream(**QUESTION) as events:
                    events.until_done()
                with contextlib.suppress(anthropic.APIError):
                    client.with_options(max_retries=0).messages.create(**{**QUESTION, "max_tokens": 0})
        return application.exported()

    def comparable(span: ReadableSpan) -> Any:
        varying = ("server.port", "url.full", "gen_ai.response.time_to_first_chunk")
        told = {key: value for key, value in (span.attributes or {}).items() if key not in varying}
        attributes = {key: value for key, value in told.items() if not key.startswith("tracekit.") and key not in OURS}
        return span.name, span.kind, span.status.status_code, span.instrumentation_scope, attributes, span.events

    bare = [comparable(span) for span in export()]
    tracekit.init()
    ours = export()
    assert [comparable(span) for span in ours if span.name != "POST"] == bare
    attempts = [span for span in ours if span.name == "POST"]
    assert len(attempts) == 4
    parents = {span.context.span_id for span in ours if span.name != "POST" and span.context}
    assert {span.parent.span_id for span in attempts if span.parent} == parents


def test_usage_that_the_sdk_does_not_set(home: Path) -> None:
    """`with_streaming_response` leaves the SDK's span without usage; we add it, and only there."""
    tracekit.init()
    application = Application()
    trace.set_tracer_provider(application.provider)
    with (
        ScriptedClaude(lambda asked: reply(asked, ANSWER)) as claude,
        anthropic.Anthropic(base_url=claude.url, api_key="key") as client,
    ):
        with client.messages.with_streaming_response.create(**QUESTION) as response:
            response.read()
        with client.messages.with_streaming_response.create(**QUESTION, stream=True) as response:
            for _ in response.iter_lines():
                pass
    calls = [span for span in application.exported() if span.name == "anthropic.messages.create"]
    assert len(calls) == 2
    for span in calls:
        assert {name: (span.attributes or {}).get(name) for name in USAGE} == USAGE


def test_ids_of_its_own_under_a_remote_parent(home: Path) -> None:
    """Without a provider each span has the remote parent's ids in OpenTelemetry's eyes, and its own in the record."""
    tracekit.init()
    remote = NonRecordingSpan(SpanContext(0xABCDEF, 0x1234, is_remote=True, trace_flags=TraceFlags(1)))
    with ScriptedClaude(respond) as claude, trace.use_span(remote):
        program(claude.url)
    run = the_run()
    assert tree(run) == TREE
    assert len(run.spans) == len(TREE)


def test_span_of_the_application_is_the_run(home: Path) -> None:
    application = Application()
    trace.set_tracer_provider(application.provider)
    tracekit.init()
    tracer = trace.get_tracer("application")
    with (
        ScriptedClaude(lambda asked: reply(asked, ANSWER)) as claude,
        anthropic.Anthropic(base_url=claude.url, api_key="key") as client,
    ):
        with tracer.start_as_current_span("nothing to do with it"):
            pass
        with tracer.start_as_current_span("GET /ask", attributes={"user": "me"}) as span:
            with tracer.start_as_current_span("look up"):
                pass
            client.messages.create(**QUESTION)
            span.set_attribute("more", 1)
            with tracer.start_as_current_span("save"):
                pass
            client.messages.create(**QUESTION)
    run = the_run()
    assert run.name == "GET /ask"
    call = [f"  llm chat {MODEL}", "    attempt POST"]
    assert tree(run) == ["span GET /ask", *call, "  span save", *call]
    root = spans(run, "span")[0]
    assert (root.attributes["user"], root.attributes["more"], root.status) == ("me", 1, "ok")


def test_failed_span_of_the_application(home: Path) -> None:
    application = Application()
    trace.set_tracer_provider(application.provider)
    tracekit.init()
    tracer = trace.get_tracer("application")
    with (
        ScriptedClaude(lambda asked: reply(asked, ANSWER)) as claude,
        anthropic.Anthropic(base_url=claude.url, api_key="key") as client,
        contextlib.suppress(LookupError),
        tracer.start_as_current_span("GET /ask"),
    ):
        client.messages.create(**QUESTION)
        raise LookupError("not there")
    root = the_span(the_run(), "span")
    assert (root.status, root.failure and root.failure.message) == ("error", "LookupError: not there")


def test_task_that_outlives_the_applications_span(home: Path) -> None:
    application = Application()
    trace.set_tracer_provider(application.provider)
    tracekit.init()
    tracer = trace.get_tracer("application")

    async def main(url: str) -> None:
        async with anthropic.AsyncAnthropic(base_url=url, api_key="key") as client:

            async def later() -> None:
                await asyncio.sleep(0.02)
                await client.messages.create(**QUESTION)

            with tracer.start_as_current_span("POST /ask"):
                await client.messages.create(**QUESTION)
                task = asyncio.create_task(later())
            await task

    with ScriptedClaude(lambda asked: reply(asked, ANSWER)) as claude:
        asyncio.run(main(claude.url))
    call = [f"  llm chat {MODEL}", "    attempt POST"]
    assert tree(the_run()) == ["span POST /ask", *call, *call]


def test_spans_inside_tools_stay_where_they_were(home: Path) -> None:
    """A client that traces nothing does not cut the application's own trace in two."""
    application = Application()
    trace.set_tracer_provider(application.provider)
    tracekit.init()
    tracer = trace.get_tracer("application")

    @beta_tool
    def look(at: str) -> str:
        """Look at it."""
        with tracer.start_as_current_span("inside"):
            return at

    with (
        ScriptedClaude(respond) as claude,
        anthropic.Anthropic(base_url=claude.url, api_key="key", open_telemetry=False) as client,
        tracer.start_as_current_span("outside") as outside,
    ):
        client.beta.messages.tool_runner(**QUESTION, tools=[look]).until_done()
    (inside,) = [span for span in application.exported() if span.name == "inside"]
    assert inside.parent is not None
    assert inside.parent.span_id == outside.get_span_context().span_id
    assert "    span inside" in [line.removeprefix("  ") for line in tree(the_run())]
    assert all("traceparent" not in asked.headers for asked in claude.asked)

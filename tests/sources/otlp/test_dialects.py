"""Spans of other tools, as they write them: each call's tokens count once, and every level is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.sources.transcripts import nodes
from tests.support.foreign import outline, run_of, span
from tracekit import semconv

MODEL = "claude-opus-4-8"
SDK = "com.anthropic.sdk.python"


def chat(input: Any = 130, output: Any = 12, **more: Any) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": MODEL,
        "gen_ai.usage.input_tokens": input,
        "gen_ai.usage.output_tokens": output,
        **more,
    }


def agent(name: str, **more: Any) -> dict[str, Any]:
    return {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name, **more}


def tool(name: str, id: str = "toolu_1", **more: Any) -> dict[str, Any]:
    return {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name, "gen_ai.tool.call.id": id, **more}


def test_pydantic_ai_around_the_sdk(home: Path, tmp_path: Path) -> None:
    own: dict[str, Any] = {"scope": "pydantic-ai"}
    run = run_of(
        tmp_path,
        span(1, 0, "invoke_agent lead", 0, 9, agent("lead", **{"gen_ai.aggregated_usage.input_tokens": 390}), **own),
        span(2, 1, f"chat {MODEL}", 1, 2, chat(130, 12, **{"operation.cost": 0.25}), **own),
        span(3, 2, "anthropic.messages.create", 1, 2, chat(130, 12, **{"gen_ai.response.id": "msg_1"}), scope=SDK),
        span(4, 1, "execute_tool ask_helper", 2, 6, tool("ask_helper"), **own),
        span(5, 4, "invoke_agent helper", 3, 5, agent("helper"), **own),
        span(6, 5, f"chat {MODEL}", 3, 4, chat(20, 2), **own),
        span(7, 6, "anthropic.messages.create", 3, 4, chat(20, 2), scope=SDK),
        span(8, 1, f"chat {MODEL}", 7, 8, chat(240, 7), **own),
        span(9, 8, "anthropic.messages.create", 7, 8, chat(240, 7, **{"http.request.resend_count": 1}), scope=SDK),
    )
    assert outline(run) == [
        "agent lead",
        "  ~turn",
        f"    llm {MODEL} 130/12",
        "    tool ask_helper",
        "      agent helper",
        "        ~turn",
        f"          llm {MODEL} 20/2",
        "  ~turn",
        f"    llm {MODEL} 240/7",
    ]
    assert (run.root.tokens.input, run.root.retries, run.name) == (390, 1, "invoke_agent lead")
    first = nodes(run, "llm")[0]
    assert first.attributes[semconv.FOLDED] == [f"{3:016x}"]
    assert first.attributes[semconv.RESPONSE_ID] == "msg_1"
    assert first.attributes[semconv.DIALECT] == "pydantic-ai"
    assert run.root.attributes[semconv.RECORDED_COST_USD] == 0.25
    assert run.root.cost_usd is not None


def test_a_failed_attempt_of_pydantic_ai(home: Path, tmp_path: Path) -> None:
    own: dict[str, Any] = {"scope": "pydantic-ai"}
    run = run_of(
        tmp_path,
        span(1, 0, "agent run", 0, 9, {"agent_name": "lead", "model_name": MODEL}, **own),
        span(2, 1, f"chat {MODEL}", 1, 4, chat(), **own),
        span(3, 2, "model request attempt claude-x", 1, 2, {}, code=2, **own),
        span(4, 1, "running tool", 5, 6, {"gen_ai.tool.name": "look", "gen_ai.tool.call.id": "t"}, **own),
        span(5, 1, "running tools", 5, 6, {}, **own),
    )
    assert outline(run) == [
        "agent lead",
        "  ~turn",
        f"    llm {MODEL} 130/12",
        "      attempt",
        "      ~attempt",
        "    tool look",
        "  span running tools",
    ]
    assert run.root.retries == 1


def test_strands(home: Path, tmp_path: Path) -> None:
    own: dict[str, Any] = {"scope": "strands.telemetry.tracer"}
    usage = chat(130, 12) | {
        "gen_ai.usage.prompt_tokens": 130,
        "gen_ai.usage.completion_tokens": 12,
        "gen_ai.usage.total_tokens": 142,
        "gen_ai.usage.cache_read_input_tokens": 100,
        "gen_ai.server.time_to_first_token": 250,
        "gen_ai.system": "strands-agents",
    }
    run = run_of(
        tmp_path,
        span(1, 0, "invoke_agent scout", 0, 9, agent("scout", **{"gen_ai.usage.input_tokens": 130}), **own),
        span(2, 1, "execute_event_loop_cycle", 1, 8, {"event_loop.cycle_id": "c1"}, **own),
        span(3, 2, "chat", 1, 2, usage, **own),
        span(4, 2, "execute_tool look", 3, 4, tool("look", **{"gen_ai.tool.status": "error"}), **own),
    )
    assert outline(run) == ["agent scout", "  turn", f"    llm {MODEL} 130/12", "    tool look"]
    assert (run.root.tokens.input, run.root.tokens.cache_read) == (130, 100)
    assert nodes(run, "tool")[0].status == "error"
    assert nodes(run, "llm")[0].attributes[semconv.TIME_TO_FIRST_CHUNK] == 0.25


def test_google_adk_of_both_versions(home: Path, tmp_path: Path) -> None:
    own: dict[str, Any] = {"scope": "gcp.vertex.agent"}
    call = chat(30, 3) | {"gen_ai.operation.name": "generate_content"}
    run = run_of(
        tmp_path,
        span(1, 0, "invocation", 0, 9, {}, **own),
        span(2, 1, "invoke_agent lead", 0, 9, agent("lead"), **own),
        span(3, 2, "call_llm", 1, 2, {"gen_ai.usage.input_tokens": 30, "gen_ai.usage.output_tokens": 3}, **own),
        span(4, 3, f"generate_content {MODEL}", 1, 2, call, **own),
        span(5, 4, "generate_content", 1, 2, call, scope="opentelemetry.instrumentation.google_genai"),
        span(6, 2, "execute_tool look", 3, 4, tool("look"), **own),
        span(7, 2, "execute_tool (merged)", 3, 4, tool("(merged tools)"), **own),
        span(
            8, 2, f"generate_content {MODEL}", 5, 6, chat(9, 1) | {"gen_ai.operation.name": "generate_content"}, **own
        ),
    )
    assert (run.count("llm"), run.count("tool"), run.root.tokens.input, run.root.tokens.output) == (2, 1, 39, 4)
    assert [each.agent for each in nodes(run, "agent")] == ["lead"]


def test_openai_agents(home: Path, tmp_path: Path) -> None:
    own: dict[str, Any] = {"scope": "openinference.instrumentation.openai_agents"}
    counts = {"llm.token_count.prompt": 40, "llm.token_count.completion": 4}
    llm = {"openinference.span.kind": "LLM", "llm.model_name": MODEL, **counts}
    run = run_of(
        tmp_path,
        span(1, 0, "Agent workflow", 0, 9, {"openinference.span.kind": "AGENT"}, **own),
        span(2, 1, "task", 0, 9, {"openinference.span.kind": "CHAIN", **counts}, **own),
        span(3, 2, "lead", 0, 5, {"openinference.span.kind": "AGENT", "agent.name": "lead"}, **own),
        span(4, 3, "turn", 0, 4, {"openinference.span.kind": "CHAIN", **counts}, **own),
        span(5, 4, "response", 1, 2, llm, **own),
        span(6, 4, "look", 2, 3, {"openinference.span.kind": "TOOL", "tool.name": "look"}, **own),
    )
    assert outline(run) == [
        "span Agent workflow",
        "  span task",
        "    agent lead",
        "      turn",
        f"        llm {MODEL} 40/4",
        "        tool look",
    ]
    assert run.root.tokens.input == 40


def test_openinference_and_openllmetry_on_one_span_and_side_by_side(home: Path, tmp_path: Path) -> None:
    both = chat(100, 9) | {
        "openinference.span.kind": "LLM",
        "llm.token_count.prompt": 100,
        "llm.token_count.completion": 9,
        "llm.request.type": "chat",
        "llm.cost.total": 0.5,
    }
    other = {"traceloop.span.kind": "workflow", "traceloop.entity.name": "flow"}
    run = run_of(
        tmp_path,
        span(1, 0, "flow.workflow", 0, 9, other),
        span(2, 1, "ChatAnthropic", 1, 2, both, scope="openinference.instrumentation.langchain"),
        span(3, 1, "anthropic.chat", 1, 2, chat(100, 9), scope="opentelemetry.instrumentation.anthropic"),
        # The same numbers and the same scope: another call, that ran at the same time.
        span(4, 1, "ChatAnthropic", 1, 2, both, scope="openinference.instrumentation.langchain"),
    )
    assert (run.count("llm"), run.root.tokens.input) == (2, 200)
    assert [each.agent for each in nodes(run, "agent")] == ["main"]
    assert run.root.attributes[semconv.RECORDED_COST_USD] == 1.0


def test_langsmith(home: Path, tmp_path: Path) -> None:
    own: dict[str, Any] = {"scope": "langsmith"}
    details = {"gen_ai.usage.input_token_details": "{'cache_read': 100, 'ephemeral_5m_input_tokens': 5}"}
    run = run_of(
        tmp_path,
        span(1, 0, "LangGraph", 0, 9, {"langsmith.span.kind": "chain"}, **own),
        span(2, 1, "ChatPromptTemplate", 0, 1, chat(130, 12) | {"langsmith.span.kind": "prompt"}, **own),
        span(3, 1, "ChatAnthropic", 1, 2, chat(130, 12, **details) | {"langsmith.span.kind": "llm"}, **own),
        span(4, 1, "look", 3, 4, {"langsmith.span.kind": "tool", "gen_ai.tool.name": "look"}, **own),
    )
    tokens = run.root.tokens
    assert (run.count("llm"), tokens.input, tokens.cache_read, tokens.cache_write) == (1, 130, 100, 5)
    assert run.count("tool") == 1


def test_langfuse(home: Path, tmp_path: Path) -> None:
    own: dict[str, Any] = {"scope": "langfuse-sdk"}
    usage = {"input": 10, "output": 9, "cache_read_input_tokens": 100, "total": 119}
    generation = {
        "langfuse.observation.type": "generation",
        "langfuse.observation.model.name": MODEL,
        "langfuse.observation.usage_details": json.dumps(usage),
        "langfuse.observation.cost_details": '{"total": 0.125}',
        "langfuse.observation.input": '[{"role": "user", "content": "Hello"}]',
    }
    run = run_of(
        tmp_path,
        span(1, 0, "trace", 0, 9, {"langfuse.observation.type": "agent"}, **own),
        span(2, 1, "ask", 1, 2, generation, **own),
        span(3, 1, "mark", 2, 2, {"langfuse.observation.type": "event"}, **own),
        span(4, 1, "outer", 3, 4, {"langfuse.observation.type": "generation"}, **own),
        span(5, 4, "anthropic.messages.create", 3, 4, chat(20, 2), scope=SDK),
        span(6, 1, "look", 4, 5, {"langfuse.observation.type": "tool", "langfuse.observation.level": "ERROR"}, **own),
    )
    assert (run.count("llm"), run.root.tokens.input, run.root.tokens.cache_read) == (2, 130, 100)
    assert run.root.attributes[semconv.RECORDED_COST_USD] == 0.125
    assert nodes(run, "tool")[0].status == "error"
    said = json.loads(nodes(run, "llm")[0].attributes[semconv.INPUT_MESSAGES])
    assert said == [{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}]


def test_logfire(home: Path, tmp_path: Path) -> None:
    own: dict[str, Any] = {"scope": "logfire.anthropic"}
    pending = {"logfire.span_type": "pending_span"}
    asked = {"request_data": json.dumps({"messages": [{"role": "user", "content": "Hi"}], "system": "Be kind"})}
    message = f"Message with '{MODEL}'"
    run = run_of(
        tmp_path,
        span(1, 2, message, 1, 1, pending, **own),
        span(2, 0, message, 1, 2, {"gen_ai.request.model": MODEL, **asked}, **own),
        span(3, 0, f"streaming response from '{MODEL}'", 2, 3, chat(50, 5), **own),
    )
    (call,) = nodes(run, "llm")
    assert (run.root.tokens.input, call.model, (call.end_ns or 0) - call.start_ns) == (50, MODEL, 2_000_000_000)
    assert json.loads(call.attributes[semconv.SYSTEM_INSTRUCTIONS]) == [{"type": "text", "content": "Be kind"}]
    assert call.attributes[semconv.FOLDED] == [f"{1:016x}", f"{3:016x}"]


def test_vercel_and_mastra(home: Path, tmp_path: Path) -> None:
    counts = {"ai.usage.promptTokens": 60, "ai.usage.completionTokens": 6, "ai.model.id": MODEL}
    run = run_of(
        tmp_path,
        span(1, 0, "ai.generateText", 0, 9, {"ai.operationId": "ai.generateText", **counts}, scope="ai"),
        span(2, 1, "doGenerate", 1, 2, {"ai.operationId": "ai.generateText.doGenerate", **counts}, scope="ai"),
        span(3, 1, "ai.toolCall", 2, 3, {"ai.operationId": "ai.toolCall", "ai.toolCall.name": "look"}, scope="ai"),
        span(4, 1, "agent", 4, 9, {"mastra.span.type": "agent_run", "gen_ai.agent.name": "m"}),
        span(5, 4, "generation", 4, 8, chat(7, 1) | {"mastra.span.type": "model_generation"}),
        span(6, 5, "inference", 4, 8, chat(7, 1) | {"mastra.span.type": "model_inference"}),
    )
    assert (run.count("llm"), run.root.tokens.input, run.count("tool")) == (2, 67, 1)


def test_the_sdk_and_the_servers_spans(home: Path, tmp_path: Path) -> None:
    api = {"scope": "com.anthropic.claude-platform", "kind": 2}
    run = run_of(
        tmp_path,
        span(1, 0, "anthropic.messages.create", 0, 2, chat(), scope=SDK),
        span(2, 1, "POST /v1/messages", 1, 2, chat() | {"anthropic.request.id": "req_1"}, **api),  # type: ignore[arg-type]
        span(3, 0, "anthropic.sessions.create", 3, 4, {"gen_ai.request.model": MODEL}, scope=SDK),
        span(4, 0, "create_agent x", 4, 5, {"gen_ai.operation.name": "create_agent"}),
        span(5, 0, "embeddings", 5, 6, {"gen_ai.operation.name": "embeddings", "gen_ai.usage.input_tokens": 4}),
    )
    assert outline(run) == [
        "~agent main",
        "  ~turn",
        f"    llm {MODEL} 130/12",
        "      attempt",
        "  span anthropic.sessions.create",
        "  span create_agent x",
        "  span embeddings",
    ]


def test_an_agent_that_runs_elsewhere(home: Path, tmp_path: Path) -> None:
    told = {"gen_ai.usage.input_tokens": 70, "gen_ai.usage.output_tokens": 7, "gen_ai.request.model": MODEL}
    run = run_of(
        tmp_path,
        span(1, 0, "invoke_agent far", 0, 1, agent("far", **told), kind=3),
        span(2, 0, "invoke_agent near", 1, 9, agent("near", **told), kind=3),
        span(3, 2, "chat", 2, 3, chat(5, 1)),
        span(4, 0, "invoke_agent sampled", 9, 10, agent("sampled", **told)),
    )
    assert (run.root.tokens.input, run.root.cost_complete) == (75, False)
    assert [each.inferred for each in nodes(run, "llm")] == [True, False]


def test_totals_of_a_session_count_once(home: Path, tmp_path: Path) -> None:
    own: dict[str, Any] = {"scope": "openinference.instrumentation.claude_agent_sdk"}
    told = {"openinference.span.kind": "AGENT", "llm.model_name": MODEL, "llm.token_count.completion": 1}
    first, second = ({**told, "llm.token_count.prompt": n, "llm.cost.total": n / 10} for n in (10, 25))
    run = run_of(tmp_path, span(1, 0, "q1", 0, 1, first, **own), span(2, 0, "q2", 2, 3, second, **own))
    assert (run.root.tokens.input, run.root.attributes[semconv.RECORDED_COST_USD]) == (25, 2.5)


CLAUDE = "com.anthropic.claude_code.tracing"


def test_claude_code(home: Path, tmp_path: Path) -> None:
    def each(id: int, parent: int, name: str, start: float, end: float, **named: Any) -> dict[str, Any]:
        events = named.pop("events", ())
        told = {key.replace("__", "."): value for key, value in named.items()}
        code = told.pop("code", 0)
        told |= {"span.type": name}
        return span(id, parent, f"claude_code.{name}", start, end, told, scope=CLAUDE, events=events, code=code)

    def usage(**more: Any) -> dict[str, Any]:
        bare = {"input_tokens": 10, "output_tokens": 9, "cache_read_tokens": 100, "cache_creation_tokens": 5}
        return {"model": MODEL, **bare, **more}

    attempts = [("gen_ai.request.attempt", 1.0, {"attempt": 1}), ("gen_ai.request.attempt", 1.5, {"attempt": 2})]
    both = {"gen_ai__usage__input_tokens": 115, "gen_ai__usage__output_tokens": 9}
    spans = [
        each(1, 99, "interaction", 0, 9, gen_ai__operation__name="invoke_agent"),
        each(2, 1, "llm_request", 1, 2, **usage(gen_ai__response__id="req_1", **both), events=attempts),
        each(3, 1, "tool", 1.9, 6, gen_ai__tool__name="Agent", gen_ai__tool__call__id="toolu_1"),
        each(4, 3, "tool.execution", 2, 6),
        each(5, 4, "llm_request", 3, 4, **usage(agent_id="a1", query_source_safe="agent.builtin.Explore")),
        each(6, 4, "tool", 4, 5, gen_ai__tool__name="Bash", gen_ai__tool__call__id="toolu_2", agent_id="a1"),
        each(7, 6, "tool.execution", 4, 5, success="false", code=2),
        each(8, 1, "llm_request", 7, 8, **usage()),
    ]
    run = run_of(tmp_path, *reversed(spans))
    assert outline(run) == [
        "~agent main",
        "  ~turn",
        f"    llm {MODEL} 115/9",
        "      ~attempt",
        "      ~attempt",
        "    tool Agent",
        "      span claude_code.tool.execution",
        "      ~agent Explore",
        "        ~turn",
        f"          llm {MODEL} 115/9",
        "          tool Bash",
        "            span claude_code.tool.execution",
        "  ~turn",
        f"    llm {MODEL} 115/9",
    ]
    assert (run.root.tokens.input, run.root.tokens.cache_read, run.root.retries) == (345, 200, 1)
    assert [each.status for each in nodes(run, "tool")] == ["ok", "error"]
    first = nodes(run, "llm")[0].attributes
    assert (first[semconv.REQUEST_ID], semconv.RESPONSE_ID in first) == ("req_1", False)


@pytest.mark.parametrize(
    ("told", "input", "output", "read", "assumed"),
    [
        ({"gen_ai.usage.input_tokens": "4927", "gen_ai.usage.output_tokens": 12.0}, 4927, 12, 0, 0),
        ({"gen_ai.usage.input_tokens": -1, "gen_ai.usage.output_tokens": "NaN"}, 0, 0, 0, 0),
        ({"gen_ai.usage.input_tokens": 1.5, "gen_ai.usage.output_tokens": True}, 0, 0, 0, 0),
        ({"gen_ai.usage.total_tokens": 99}, 0, 0, 0, 0),
        ({"gen_ai.usage.prompt_tokens": 8, "gen_ai.usage.completion_tokens": 2}, 8, 2, 0, 0),
        ({"gen_ai.usage.input_tokens": 9, "gen_ai.usage.cache_creation.input_tokens": 5}, 9, 0, 0, 1),
        # Outside: less than the cache, or by the total.
        ({"gen_ai.usage.input_tokens": 9, "gen_ai.usage.cache_read.input_tokens": 50}, 59, 0, 50, 1),
        (
            {
                "gen_ai.usage.input_tokens": 60,
                "gen_ai.usage.cache_read.input_tokens": 50,
                "gen_ai.usage.output_tokens": 1,
                "gen_ai.usage.total_tokens": 111,
            },
            110,
            1,
            50,
            0,
        ),
        # Inside: by the total.
        (
            {
                "gen_ai.usage.input_tokens": 60,
                "gen_ai.usage.cache_read.input_tokens": 50,
                "gen_ai.usage.output_tokens": 1,
                "gen_ai.usage.total_tokens": 61,
            },
            60,
            1,
            50,
            0,
        ),
        # Parts are not added.
        ({"gen_ai.usage.input_tokens": 9, "gen_ai.usage.text.input_tokens": 9}, 9, 0, 0, 0),
        (
            {
                "gen_ai.usage.input_tokens": 9,
                "gen_ai.usage.output_tokens": 9,
                "gen_ai.usage.reasoning.output_tokens": 5,
            },
            9,
            9,
            0,
            0,
        ),
        (
            {
                "gen_ai.usage.input_tokens": 9,
                "gen_ai.usage.output_tokens": 9,
                "anthropic.usage.compaction.input_tokens": 3,
                "anthropic.usage.compaction.output_tokens": 2,
            },
            12,
            11,
            0,
            0,
        ),
    ],
)
def test_counts_in_any_form(
    home: Path, tmp_path: Path, told: dict[str, Any], input: int, output: int, read: int, assumed: int
) -> None:
    run = run_of(tmp_path, span(1, 0, "chat", 0, 1, {"gen_ai.operation.name": "chat", **told}))
    (call,) = nodes(run, "llm")
    assert (call.tokens.input, call.tokens.output, call.tokens.cache_read) == (input, output, read)
    assert len(call.attributes.get(semconv.ASSUMED, [])) == assumed
    assert call.cost_usd is None
    assert (semconv.INPUT_TOKENS in call.attributes) == (input > 0)


def test_cache_writes_under_both_names_and_by_lifetime(home: Path, tmp_path: Path) -> None:
    writes = {"gen_ai.usage.cache_creation.input_tokens": 5, "gen_ai.usage.cache_write.input_tokens": 5}
    by_time = {semconv.CACHE_WRITE_5M_TOKENS: 2, semconv.CACHE_WRITE_1H_TOKENS: 3}
    wrong = {semconv.CACHE_WRITE_5M_TOKENS: 2, semconv.CACHE_WRITE_1H_TOKENS: 9}
    run = run_of(
        tmp_path,
        span(1, 0, "chat", 0, 1, chat(**writes, **by_time), scope=SDK),
        span(2, 0, "anthropic.messages.create", 2, 3, chat(131, **writes, **wrong), scope=SDK),
    )
    first, second = (each.attributes for each in nodes(run, "span") + nodes(run, "llm"))
    assert run.root.tokens.cache_write == 5
    del first
    assert any("lifetime" in told for told in second[semconv.ASSUMED])
    assert run.root.tokens.input == 131


@pytest.mark.parametrize("reasons", [["end_turn"], '["end_turn"]', "end_turn"])
def test_finish_reasons_in_any_form(home: Path, tmp_path: Path, reasons: Any) -> None:
    run = run_of(tmp_path, span(1, 0, "chat", 0, 1, chat(**{"gen_ai.response.finish_reasons": reasons})))
    assert nodes(run, "llm")[0].attributes[semconv.FINISH_REASONS] == ["end_turn"]


def test_a_call_in_a_call(home: Path, tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        span(1, 0, "chat", 0, 9, chat(50, 5)),
        span(2, 1, "chat", 1, 2, chat(50, 5), scope="x"),
        span(3, 0, "chat", 10, 19, chat(60, 6)),
        span(4, 3, "chat", 11, 12, chat(7, 1), scope="x"),
    )
    assert (run.count("llm"), run.root.tokens.input) == (3, 117)
    assert run.root.cost_usd == pytest.approx(sum(each.cost_usd or 0 for each in nodes(run, "llm")))


def test_tools_under_calls_and_agents_under_tools(home: Path, tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        span(1, 0, "lead", 0, 20, {"openinference.span.kind": "AGENT", "agent.name": "lead"}),
        span(2, 1, "chat", 1, 3, chat(10, 1)),
        span(3, 2, "ask", 2, 9, tool("ask")),
        span(4, 3, "chat", 3, 4, chat(20, 2, **{"gen_ai.agent.name": "helper"})),
        span(5, 1, "transfer_to_writer", 10, 11, tool("transfer_to_writer", "toolu_2")),
        span(6, 5, "invoke_agent", 10, 11, {"gen_ai.operation.name": "invoke_agent"}),
        span(7, 6, "chat", 10, 11, chat(30, 3)),
    )
    assert outline(run) == [
        "agent lead",
        "  ~turn",
        f"    llm {MODEL} 10/1",
        "    tool ask",
        "      ~agent helper",
        "        ~turn",
        f"          llm {MODEL} 20/2",
        "    tool transfer_to_writer",
        "      agent transfer_to_writer",
        "        ~turn",
        f"          llm {MODEL} 30/3",
    ]

"""The place of a team's run in the record; without a record, the team behaves the same."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anthropic
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import tracekit
from tests.support.cli import nodes, outline
from tests.support.recording import recordings
from tests.support.teams import HOWS, LEAD, WORKER, How, Script, client_args, perform, shown, tree
from tracekit import Orchestrator, Subagent
from tracekit.analysis.structure import structure
from tracekit.cli.shape import show_json
from tracekit.demo.claude import ScriptedClaude, message, text, tool_use
from tracekit.model.tree import Tokens

ASKS = message(tool_use("worker", {"task": "it"}))
TEAM_TREE = """
agent lead
  turn
    llm
    tool worker
      agent worker
        turn
          llm
  turn
    llm
""".strip().splitlines()


def lead(client: Any, **more: Any) -> Orchestrator:
    worker = Subagent("worker", "It works.", WORKER, "You work.", reads=["{task}/a", "b"], writes=["x", "{task}"])
    return Orchestrator("lead", model=LEAD, system="You lead.", client=client, subagents=[worker], **more)


@pytest.mark.parametrize("how", HOWS[:3])
def test_a_team_makes_a_run_of_its_own(how: How, recording: Path) -> None:
    with ScriptedClaude(Script(ASKS)) as claude:
        result = perform(lead, claude, how, "Go.")
    assert tree() == ["run", *[f"  {line}" for line in TEAM_TREE]]
    run = shown()["run"]
    assert (run["id"], run["name"], run["status"]) == (result.run, "lead", "ok")


@pytest.mark.parametrize("how", HOWS[:3])
def test_a_run_around_it_is_its_run(how: How, recording: Path) -> None:
    with ScriptedClaude(Script(ASKS)) as claude, tracekit.run("ticket") as run, tracekit.agent("desk"):
        result = perform(lead, claude, how, "Go.")
    assert result.run == run.id
    assert tree() == ["run", "  agent desk", *[f"    {line}" for line in TEAM_TREE]]


def test_a_span_of_the_application_is_above_it(recording: Path) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    before = trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE._done
    trace.set_tracer_provider(provider)
    try:
        with ScriptedClaude(Script(ASKS)) as claude, provider.get_tracer("app").start_as_current_span("request"):
            result = perform(lead, claude, "async", "Go.")
    finally:
        provider.shutdown()
        trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE._done = before
    run = shown()
    assert run["run"]["id"] == result.run
    assert [line.strip() for line in outline(run["root"])][-len(TEAM_TREE) :] == [line.strip() for line in TEAM_TREE]
    assert [node["inferred"] for node in nodes(run["root"], "agent")] == [False, False]
    (agent,) = [each for each in exporter.get_finished_spans() if each.name == "invoke_agent worker"]
    assert agent.attributes is not None
    # What was declared has the agent's input in it, and content is exported only where it is asked for.
    assert "tracekit.declared.writes" not in agent.attributes


def test_what_was_declared_is_recorded_with_the_input_filled_in(recording: Path) -> None:
    with ScriptedClaude(Script(ASKS)) as claude:
        perform(lead, claude, "async", "Go.")
    _, worker = nodes(shown()["root"], "agent")
    assert worker["attributes"]["tracekit.declared.reads"] == ["it/a", "b"]
    assert worker["attributes"]["tracekit.declared.writes"] == ["x", "it"]


@pytest.mark.parametrize("how", HOWS[:3])
def test_without_a_record_all_is_the_same(how: How, home: Path) -> None:
    with ScriptedClaude(Script(ASKS)) as claude:
        result = perform(lead, claude, how, "Go.")
        assert len(claude.asked) == 3
    assert (result.text, result.stop_reason, result.run) == ("Done.", "end_turn", "")
    assert result.tokens.output > 0
    assert recordings() == []


def test_one_client_that_is_wrapped_is_enough(home: Path) -> None:
    with ScriptedClaude(Script(ASKS)) as claude, anthropic.Anthropic(**client_args(claude)) as client:
        result = lead(tracekit.wrap(client)).run_sync("Go.")
    assert result.run == shown()["run"]["id"]


def test_two_runs_one_after_another_are_two(recording: Path) -> None:
    with ScriptedClaude(Script(ASKS)) as claude, anthropic.Anthropic(**client_args(claude)) as client:
        team = lead(client)
        ids = [team.run_sync("One.").run, team.run_sync("Two.").run]
    runs = [structure(each) for each in recordings()]
    assert [run.id for run in runs] == ids
    assert all(outline(show_json(run)["root"]) == ["run", *[f"  {line}" for line in TEAM_TREE]] for run in runs)


def test_tokens_and_cost_are_those_of_the_whole_team(recording: Path) -> None:
    usage = {"input_tokens": 1000, "output_tokens": 100, "cache_read_input_tokens": 50}
    script = Script(
        message(tool_use("worker", {"task": "it"}), model="claude-opus-4-5", usage=usage),
        message(text("Done."), model="claude-opus-4-5", usage=usage),
        said=lambda body: message(text("Done."), model="claude-opus-4-5", usage=usage),
    )
    with ScriptedClaude(script) as claude:
        result = perform(lead, claude, "async", "Go.")
    assert result.tokens == Tokens(3150, 300, 150, 0)
    assert result.cost_usd == pytest.approx(3 * (0.005 + 0.0025 + 0.000025))
    assert shown()["run"]["cost_usd"] == pytest.approx(result.cost_usd)


def test_no_price_is_none(home: Path) -> None:
    with ScriptedClaude(Script(message(text("Done."), model="a-model-of-ones-own"))) as claude:
        assert perform(lead, claude, "async", "Go.").cost_usd is None


def test_a_broken_price_table_costs_nobody_the_result(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise tracekit.PricesError("prices.toml cannot be read")

    monkeypatch.setattr("tracekit.cost.price_usd", broken)
    with ScriptedClaude(Script(ASKS)) as claude:
        result = perform(lead, claude, "async", "Go.")
    assert (result.text, result.cost_usd) == ("Done.", None)
    assert [record.getMessage() for record in caplog.records if record.name == "tracekit"] == [
        "tracekit: the run continues without its cost: prices.toml cannot be read"
    ]


def test_the_prompt_may_be_content_blocks(home: Path) -> None:
    blocks = [{"type": "text", "text": "Look."}, {"type": "text", "text": "Here."}]
    with ScriptedClaude(Script()) as claude:

        async def work() -> None:
            async with anthropic.AsyncAnthropic(**client_args(claude)) as client:
                await lead(client).run(blocks)

        asyncio.run(work())
        assert claude.asked[0].json()["messages"] == [{"role": "user", "content": blocks}]

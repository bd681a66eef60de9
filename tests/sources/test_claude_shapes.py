"""The tokens of a session are the sum over its messages, in the shape of every version of Claude Code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sources.claude_shapes import FORK, SHAPES, Shape, sums_in, write_session
from tests.sources.transcripts import SESSION, imported, nodes, runs, shape
from tests.support.cli import environment, tracekit, tracekit_json
from tracekit import semconv
from tracekit.analysis.content import Content
from tracekit.cli.shape import show_json
from tracekit.model.tree import Run
from tracekit.sources.ids import run_id


@pytest.mark.parametrize("form", SHAPES, ids=lambda form: form.version)
def test_each_message_counts_once(home: Path, tmp_path: Path, form: Shape) -> None:
    folder = tmp_path / "projects" / "-work"
    write_session(folder, form)
    done = imported(folder)
    assert (done.warnings, dict(done.not_understood)) == ([], {})
    expected = sums_in(folder)
    found = {run.id: run for run in runs()}
    assert found.keys() == {run_id("claude-code", session) for session in expected}
    for session, sums in expected.items():
        run = found[run_id("claude-code", session)]
        calls = nodes(run, "llm")
        assert (len(calls), run.root.tokens.input, run.root.tokens.output) == (sums.calls, sums.input, sums.output)
        assert sum(semconv.OUTPUT_TOKENS not in call.attributes for call in calls) == sums.unknown
        assert (run.root.tokens.is_partial, run.root.cost_complete) == (sums.unknown > 0, sums.unknown == 0)
    _check_tree(found[run_id("claude-code", SESSION)], form)
    if form.has_requests:
        _check_fork(found[run_id("claude-code", FORK)], found[run_id("claude-code", SESSION)])
    assert (done.calls, done.input_tokens) == (
        sum(sums.calls for sums in expected.values()),
        sum(sums.input for sums in expected.values()),
    )


def _check_tree(run: Run, form: Shape) -> None:
    started = [form.starter, ["counter", ["Bash"]]]
    warm = ["agent"] if form.agents == "flat" else []
    assert sorted(map(str, shape(run.root)[1])) == sorted(map(str, ["Bash", "Bash", "Bash", *started, *started, *warm]))
    prompts = [child.name for child in run.root.children[0].children if child.kind == "span"]
    assert prompts == ["prompt", "abandoned prompt", "prompt"]
    assert run.root.retries == (2 if form.has_requests else 0)
    is_exact = form.agents != "inline"
    counters = [agent for agent in nodes(run, "agent") if agent.agent == "counter"]
    assert [agent.inferred for agent in counters] == [not is_exact] * 2


def _check_fork(fork: Run, origin: Run) -> None:
    """A fork has its own call alone, whose request is the whole conversation."""
    (call,) = nodes(fork, "llm")
    asked = [message["role"] for message in map(dict, Content(fork).messages(call))]
    assert asked == ["user", "assistant", "user", "assistant", "user", "assistant", "user", "assistant", "user"]
    assert Content(fork).question(call) == "And the garden?"
    assert fork.name == "And the garden?"
    assert fork.root.start_ns > origin.last_ns


def test_unknown_output_is_no_number_anywhere(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "projects" / "-work"
    write_session(folder, SHAPES[0])
    imported(folder)
    (run,) = runs()
    known = {call.id: call.attributes.get(semconv.OUTPUT_TOKENS) for call in nodes(run, "llm")}
    assert None in known.values()
    told = show_json(run)
    below = [told["root"]]
    for each in below:
        below += each["children"]
    assert {each["id"]: each["tokens"]["output"] for each in below if each["kind"] == "llm"} == known
    assert told["run"]["cost_complete"] is False
    env = environment(home)
    stored = tracekit_json("sql", "SELECT id, output_tokens FROM llm_calls", env=env)
    assert {row["id"]: row["output_tokens"] for row in stored} == known
    listed = tracekit("ls", env={**env, "COLUMNS": "160"}).stdout
    assert f">={sum(filter(None, known.values()))}" in listed.replace("\N{GREATER-THAN OR EQUAL TO}", ">=")

"""The messages that calls add: each once, however many agents began alike and took turns."""

from __future__ import annotations

from tests.support.build import Builder, assistant, result, said, use, user
from tracekit.analysis.new_messages import messages_of
from tracekit.analysis.structure import structure
from tracekit.model.tree import Run

AGENTS, TURNS = 20, 5


def alike_run() -> Run:
    """Make a run of agents with one first message and one system prompt, whose turns interleave."""
    build = Builder()
    for number in range(AGENTS):
        agent = build.agent(f"a{number}", 0, 10_000, None, f"m.t{number}", name="worker")
        messages = [user("Begin.")]
        for turn in range(TURNS):
            at = turn * 1000 + number
            answer = [said(f"step {number}.{turn}"), use(f"u{number}.{turn}", "look", n=turn)]
            lane = f"m.t{number}"
            build.call(f"c{number}.{turn}", at, at + 500, messages, answer, parent=agent, lane=lane, system="Work.")
            messages = [*messages, assistant(*answer), user([result(f"u{number}.{turn}", f"result {number}.{turn}")])]
    return structure(build.recording())


def test_each_message_once() -> None:
    rows = list(messages_of(alike_run()))
    texts = [row.text or "" for row in rows if row.block == "text" and row.is_answer]
    assert sorted(texts) == sorted(f"step {number}.{turn}" for number in range(AGENTS) for turn in range(TURNS))
    assert not [row for row in rows if row.role == "assistant" and not row.is_answer], "an answer is not sent anew"
    results = [row.text for row in rows if row.block == "tool_result"]
    assert len(results) == len(set(results)) == AGENTS * (TURNS - 1)
    # Agents that begin alike add nothing to what the first of them sent.
    assert [row.text for row in rows if row.role == "system"] == ["Work."]
    assert [row.text for row in rows if row.text == "Begin."] == ["Begin."]


def test_a_request_that_leaves_out_the_newest_messages_adds_only_its_own() -> None:
    build = Builder()
    first = [user("one"), assistant(said("two")), user("three"), assistant(said("four")), user("five")]
    build.call("a", 0, 10, first, [said("six")])
    build.call("b", 20, 30, [*first[:3], assistant(said("other")), user("seven")], [said("eight")])
    rows = list(messages_of(structure(build.recording())))
    assert [row.text for row in rows if row.call == "b"] == ["other", "seven", "eight"]

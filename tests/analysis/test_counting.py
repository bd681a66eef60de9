"""Requests that count tokens: they stand in the turn of the agent whose prompt they count, and are no calls."""

from __future__ import annotations

import pytest

from tests.support.build import Builder, assistant, result, said, tree, use, user
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.rules import findings_of

ASK = user("Explain the shop.")
SEEN = [ASK, assistant(use("t1", "look")), user([result("t1", "seen")])]


def outline(builder: Builder) -> list[str]:
    return [line.strip() for line in tree(structure(builder.recording()).root)]


def _agent(b: Builder, at: int = 0, lane: str = "m", parent: str | None = None, **more: str) -> None:
    b.call(f"a{at}", at, at + 10, [ASK], [use("t1", "look")], lane=lane, parent=parent, **more)
    b.call(f"b{at}", at + 40, at + 50, SEEN, [said("It sells kettles.")], lane=lane, parent=parent, **more)


@pytest.mark.parametrize(
    "path", ["/v1/messages/count_tokens", "/model/claude/count-tokens", "/v1/projects/p/models/count-tokens:rawPredict"]
)
def test_between_two_calls_it_stands_in_the_turn_that_went_on_then(path: str) -> None:
    b = Builder()
    _agent(b)
    b.count("n", 20, 25, SEEN, path=path)
    run = structure(b.recording())
    assert [line.strip() for line in tree(run.root)] == [
        *("run ~", "agent agent-1 ~", "turn ~", "llm a0", "tool look ~", "span n", "turn ~", "llm b0")
    ]
    assert run.count("llm") == 2


def test_before_the_first_call_it_stands_in_the_first_turn_and_says_nothing_of_how_that_went() -> None:
    b = Builder()
    b.count("n", 0, 5, [ASK])
    b.call("a", 10, None, [ASK])
    run = structure(b.recording())
    assert [line.strip() for line in tree(run.root)] == ["run ~", "agent agent-1 ~", "turn ~", "span n", "llm a"]
    b.call("a", 10, 20, [ASK], [said("Kettles.")])
    turn = next(node for node in structure(b.recording()).root.walk() if node.kind == "turn")
    assert (turn.start_ns, turn.end_ns, turn.status) == (0, 20_000_000, "ok")


def test_after_the_last_call_it_stands_in_the_last_turn() -> None:
    b = Builder()
    _agent(b)
    b.count("n", 60, 65, [*SEEN, assistant(said("It sells kettles."))])
    assert outline(b)[-3:] == ["turn ~", "llm b0", "span n"]


def test_the_messages_tell_whose_it_is_and_the_lane_where_they_are_the_same() -> None:
    b = Builder()
    b.lane("m.t0", "worker")
    b.lane("m.t1", "worker")
    for lane in ("m.t0", "m.t1"):
        history = [user(f"Part {lane}"), assistant(said(f"Done with {lane}")), user("Go on.")]
        b.call(f"{lane}-1", 0, 10, history[:1], [said(f"Done with {lane}")], lane=lane)
        b.call(f"{lane}-2", 40, 50, history, [said("Done.")], lane=lane)
        b.count(f"count {lane}", 20, 25, history, lane="m.t9")
    lines = outline(b)
    assert [lines[lines.index(f"llm {lane}-1") + 1] for lane in ("m.t0", "m.t1")] == [
        "span count m.t0",
        "span count m.t1",
    ]
    b = Builder()
    for number, lane in enumerate(("m.t0", "m.t1")):
        b.lane(lane, f"worker_{number}")
        b.call(f"c{number}", 0, 10, [ASK], [said(f"Answer number {number}")], lane=lane, callers=[f"worker_{number}"])
        b.count(f"n{number}", 20, 25, [ASK], lane=lane)
    assert [line for line in outline(b) if line[:4] in ("llm ", "span")] == ["llm c0", "span n0", "llm c1", "span n1"]


def test_of_another_prompt_it_stands_where_the_lane_held_one_conversation() -> None:
    b = Builder()
    _agent(b)
    b.count("n", 20, 25, [user("A page of the manual.")])
    assert outline(b)[4:6] == ["tool look ~", "span n"]
    b.call("x", 60, 65, [user("Title?")], [said("Kettles")], callers=["title"])
    b.count("m", 70, 75, [user("Another page.")])
    assert "  span m" in tree(structure(b.recording()).root)


def test_in_a_job_of_its_own_it_stands_with_the_conversation_of_the_nearest_task() -> None:
    b = Builder()
    for number in range(2):
        # Each request is sent from a job of its own.
        asked, task = [user(f"Part {number}")], f"m.t{number}"
        history = [*asked, assistant(said(f"Done with {number}")), user("Go on.")]
        b.call(
            f"a{number}", 0, 10, asked, [said(f"Done with {number}")], lane=f"{task}.j0", system=f"You are {number}."
        )
        b.call(f"b{number}", 40, 50, history, [said("Done.")], lane=f"{task}.j3", system=f"You are {number}.")
        b.count(f"n{number}", 20, 25, [user("A page of the manual.")], lane=f"{task}.j{1 + number}")
    b.count("far", 20, 25, [user("A page of the manual.")], lane="m.t7")
    lines = outline(b)
    assert [lines[lines.index(f"llm a{number}") + 1] for number in range(2)] == ["span n0", "span n1"]
    assert "  span far" in tree(structure(b.recording()).root)


def test_in_a_recorded_agent_any_job_is_the_agents() -> None:
    b = Builder()
    lead = b.agent("lead", 0, 100)
    _agent(b, parent=lead)
    b.count("n", 20, 25, [user("A page of the manual.")], parent=lead, lane="m.j4")
    assert outline(b)[4:6] == ["tool look ~", "span n"]


def test_in_a_recorded_agent_it_stands_in_the_turn_that_is_concluded() -> None:
    b = Builder()
    lead = b.agent("lead", 0, 100)
    _agent(b, parent=lead)
    b.count("n", 20, 25, SEEN, parent=lead)
    assert outline(b) == ["run ~", "agent lead", "turn ~", "llm a0", "tool look ~", "span n", "turn ~", "llm b0"]


def test_a_sync_client_that_counts_on_the_loop_is_named_and_counted_as_no_call() -> None:
    b = Builder()
    b.agent("lead", 0, 4000)
    for number in range(3):
        at, lane = 1000 * number, b.lane(f"m.t0.t{number}", "measure")
        b.count(f"n{number}", at, at + 1000, [user(f"Page {number}")], parent="lead", lane=lane)
        b.spans[f"n{number}"].attributes[semconv.SYNC_IN_EVENT_LOOP] = True  # type: ignore[index]  # a dict here
    (found,) = (each for each in findings_of(structure(b.recording())) if each.code == "TK101")
    assert found.message == (
        "the sync client's `messages.count_tokens` blocks the event loop: 3 x messages.count_tokens were started together "
        "and ran one by one"
    )
    assert found.evidence[0].startswith("3 other requests of a sync client on the running loop")


def test_spans_of_the_application_stay_where_they_are() -> None:
    b = Builder()
    _agent(b)
    b.span("db", "span", 20, 25)
    assert "  span db" in tree(structure(b.recording()).root)

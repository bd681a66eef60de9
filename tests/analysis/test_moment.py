"""A run as it stood at a moment: spans that had begun, and responses as far as they had arrived."""

from __future__ import annotations

import pytest

from tests.support.trees import MS, START_NS, growing_run, node, run_of, team_run
from tracekit import semconv
from tracekit.analysis.moment import Moments
from tracekit.model.tree import Node, Run, Tokens


def at(run: Run, ms: float) -> Run:
    return Moments(run).at(START_NS + round(ms * MS))


def by_id(run: Run) -> dict[str, Node]:
    return {each.id: each for each in run.root.walk()}


@pytest.mark.parametrize("ms", [200, 1000, 1165, 2600, 4903, 5300, 8500, 9999])
def test_a_moment_has_what_had_begun_and_nothing_of_later(ms: float) -> None:
    run, now_ns = team_run(), START_NS + round(ms * MS)
    shown = by_id(at(run, ms))
    assert set(shown) == {each.id for each in run.root.walk() if each.start_ns <= now_ns}
    whole = by_id(run)
    assert at(run, ms).last_ns == now_ns, "open durations go until the moment"
    for id, each in shown.items():
        ended_ns = whole[id].end_ns
        if ended_ns is not None and ended_ns <= now_ns:
            assert (each.end_ns, each.status) == (ended_ns, whole[id].status)
        else:
            assert (each.end_ns, each.status, each.failure) == (None, "open", None)


def test_the_last_moment_is_the_whole_run() -> None:
    run = team_run()
    moments = Moments(run)
    assert moments.at(moments.last_ns) is run
    assert moments.first_ns == START_NS + 150 * MS, "start-up is not played"


def test_a_killed_run_plays_to_its_last_event_and_is_interrupted_there() -> None:
    run = growing_run(2600, alive=False)
    assert by_id(at(run, 650))["a1"].status == "open"
    moments = Moments(run)
    assert by_id(moments.at(moments.last_ns))["a1"].status == "interrupted"


def test_tokens_costs_and_retries_are_those_of_what_had_ended() -> None:
    done = node("llm", "m", 0, 100, tokens=Tokens(10, 1), cost_usd=0.5, id="done")
    tries = [node("attempt", "POST", 100 + 50 * n, 120 + 50 * n, id=f"x{n}") for n in range(3)]
    going = node("llm", "m", 100, 300, *tries, tokens=Tokens(1000, 100), cost_usd=2.0, retries=2, id="going")
    run = run_of(node("run", "r", 0, 300, node("agent", "a", 0, 300, done, going, id="a"), id="r"))
    shown = by_id(at(run, 160))
    assert shown["r"].tokens == Tokens(10, 1)
    assert shown["r"].cost_usd == 0.5
    assert shown["r"].retries == shown["going"].retries == 1


def test_a_result_is_not_known_before_the_tool_has_ended() -> None:
    known = {semconv.TOOL_CALL_ARGUMENTS: {"path": "a"}, semconv.TOOL_CALL_RESULT: "secret of the future"}
    run = run_of(node("run", "r", 0, 100, node("tool", "read", 0, 90, attributes=known, id="o"), id="r"))
    assert dict(by_id(at(run, 50))["o"].attributes) == {semconv.TOOL_CALL_ARGUMENTS: {"path": "a"}}
    assert by_id(at(run, 95))["o"].attributes == known


def test_an_answer_arrives_piece_by_piece() -> None:
    run = team_run()
    pieces = [len(at(run, ms).recording.exchanges["lead.1.x"].pieces) for ms in (498, 499, 499.5, 500, 900)]
    assert pieces == [0, 0, 0, 2, 2]
    assert at(run, 300).recording.exchanges["lead.1.x"].status == 0


def test_a_background_child_that_outlives_its_parent_is_still_open() -> None:
    child = node("tool", "watch", 10, 500, id="late")
    run = run_of(
        node("run", "r", 0, 1000, node("agent", "a", 0, 100, child, id="a"), node("llm", "m", 900, 990), id="r")
    )
    shown = by_id(at(run, 300))
    assert (shown["a"].status, shown["late"].status) == ("ok", "open")


def test_steps_stop_at_every_begin_and_end() -> None:
    run = run_of(node("run", "r", 0, 100, node("agent", "a", 10, 90, node("llm", "m", 20, 60)), id="r"))
    moments = Moments(run)
    places, now = [], moments.first_ns
    for step in (1, 1, 1, 1, -1, -1, -1, -1, -1):
        now = moments.event(now, step)
        places.append((now - START_NS) // MS)
    assert places == [20, 60, 90, 90, 60, 20, 10, 10, 10]


def test_a_deep_run_is_cut_without_recursion() -> None:
    below = node("tool", "at last", 0, 1000)
    for level in range(5000):
        below = node("span", f"s{level}", 0, 1000, below, id=f"{level}")
    run = run_of(node("run", "r", 0, 1000, node("agent", "a", 0, 1000, below), id="r"))
    assert sum(1 for _ in at(run, 500).root.walk()) == 5003

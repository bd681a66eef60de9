"""Comparisons of a team's run with a copy in which one thing has changed: only that is reported."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.support.build import Builder, said, user
from tracekit import semconv
from tracekit.analysis.diff import Diff, NodeChange, compare, words
from tracekit.analysis.structure import structure
from tracekit.model.tree import Run

ORDER: dict[str, Any] = {"model": "claude-opus-5-5", "max_tokens": 500}


class Team:
    """A lead with two turns. In the first it asks its workers, in the second it sums up."""

    def __init__(self, **edits: Any) -> None:
        self.edits: dict[str, Any] = {
            "workers": ["cart", "orders", "mail"],
            "starts": [100, 200, 300],
            "last": 90,
            "says": {},
            "system": "You lead.",
            "answer": "All is well with the shop now, and the tests pass.",
            "request": {},
            "tokens": 7,
            "stop": "end_turn",
            "model": "claude-opus-5-5",
            "worker": "worker",
            "prefix": "",
            "extra": False,
        } | edits

    def run(self) -> Run:
        edits, build, p = self.edits, Builder(), self.edits["prefix"]
        build.span(f"{p}r", "run", 0, 1000, name="team")
        build.agent(f"{p}lead", 0, 1000, f"{p}r", name="lead")
        first = build.span(f"{p}t1", "turn", 0, 500, f"{p}lead")
        question = user("Mend the shop.")
        build.call(
            f"{p}c1", 0, 90, [question], [said("I ask the workers.")], parent=first, system=edits["system"], **ORDER
        )
        for number, path in enumerate(edits["workers"]):
            self._work(build, first, path, edits["starts"][number])
        if edits["extra"]:
            extra = build.span(f"{p}tx", "turn", 505, 515, f"{p}lead")
            build.call(f"{p}cx", 505, 515, [question, user("Wait.")], [said("Zebras graze quietly.")], parent=extra)
        second = build.span(f"{p}t2", "turn", 520, 900, f"{p}lead")
        build.call(
            f"{p}c2",
            520,
            900,
            [question, user("What do you say?")],
            [said(edits["answer"])],
            parent=second,
            system=edits["system"],
            stop=edits["stop"],
            **{**ORDER, **edits["request"]},
        )
        for id in (f"{p}c1", f"{p}c2"):
            model = {semconv.RESPONSE_MODEL: edits["model"]}
            used = {
                **model,
                semconv.OUTPUT_TOKENS: edits["tokens"],
                semconv.INPUT_TOKENS: 5,
                semconv.STOP_REASON: edits["stop"],
            }
            build.spans[id].attributes.update(used)  # type: ignore[attr-defined]
        return structure(build.recording())

    def _work(self, build: Builder, turn: str, path: str, start: int) -> None:
        p, name = self.edits["prefix"], self.edits["worker"]
        tool = build.tool(f"{p}w-{path}", name, start, start + self.edits["last"], turn, arguments={"path": path})
        agent = build.agent(f"{p}a-{path}", start, start + self.edits["last"], tool, name=name)
        answer = self.edits["says"].get(path, f"The file {path} has three findings: one, two and three.")
        build.call(f"{p}l-{path}", start, start + 80, [user(f"Look at {path}.")], [said(answer)], parent=agent)


def changes(counting: bool = True, **edits: Any) -> list[NodeChange]:
    found = compare(Team().run(), Team(prefix="x", **edits).run()).changes
    return [change for change in found if change.counts or not counting]


def place_of(change: NodeChange) -> tuple[str, str]:
    return " > ".join(step.name for step in change.path), change.field


def the_change(**edits: Any) -> NodeChange:
    (change,) = changes(**edits)
    return change


def test_equal_runs_are_the_same_whatever_their_ids() -> None:
    assert compare(Team().run(), Team(prefix="y").run()).changes == ()


@pytest.mark.parametrize(
    ("edits", "place", "field", "before", "after"),
    [
        ({"answer": "It is not."}, "team > lead > turn 2 > call", "answer", Team().edits["answer"], "It is not."),
        ({"request": {"max_tokens": 9}}, "team > lead > turn 2 > call", "max_tokens", 500, 9),
        ({"request": {"thinking": {"type": "off"}}}, "team > lead > turn 2 > call", "thinking", None, {"type": "off"}),
    ],
)
def test_one_field(edits: dict[str, Any], place: str, field: str, before: Any, after: Any) -> None:
    change = the_change(**edits)
    assert (place_of(change), change.before, change.after, change.how) == ((place, field), before, after, "changed")
    assert (change.a, change.b) == ("c2", "xc2")


def test_model_tokens_and_stop_reason() -> None:
    found = changes(tokens=8, stop="max_tokens")
    assert [(place_of(change), change.before, change.after) for change in found] == [
        (("team > lead > turn 1 > call", "stop reason"), "end_turn", "max_tokens"),
        (("team > lead > turn 1 > call", "tokens out"), 7, 8),
        (("team > lead > turn 2 > call", "stop reason"), "end_turn", "max_tokens"),
        (("team > lead > turn 2 > call", "tokens out"), 7, 8),
    ]


def test_a_model_of_every_call_is_told_once() -> None:
    change = the_change(model="claude-haiku-5-5")
    assert (place_of(change), change.repeated) == (("team > lead > turn 1 > call", "model"), 1)


def test_a_system_prompt_of_every_call_is_told_once() -> None:
    change = the_change(system="You lead well.")
    assert (place_of(change), change.repeated) == (("team > lead > turn 1 > call", "system"), 1)


def test_one_of_three_alike_agents_is_found_by_what_it_says() -> None:
    change = the_change(says={"orders": "The file orders has four findings: one, two, three and four."})
    assert place_of(change) == ("team > lead > turn 1 > worker #2 > turn 1 > call", "answer")


def test_agents_that_begin_in_another_order_at_once_are_the_same() -> None:
    together = {"starts": [100, 101, 102], "last": 200}
    a = Team(**together).run()
    for workers in (["mail", "cart", "orders"], ["orders", "mail", "cart"]):
        assert not compare(a, Team(prefix="x", workers=workers, **together).run()).different


def test_agents_in_another_order_one_by_one_differ_by_order() -> None:
    change = the_change(workers=["orders", "cart", "mail"])
    assert place_of(change) == ("team > lead > turn 1 > worker #1", "order")
    assert (change.before, change.after) == ("before worker #2", "after worker #2")


def test_one_agent_less_is_that_agent() -> None:
    change = the_change(workers=["cart", "mail"])
    assert (place_of(change), change.how) == (("team > lead > turn 1 > worker #2", "node"), "only in a")


def test_one_agent_more_is_that_agent() -> None:
    change = the_change(workers=["cart", "stock", "orders", "mail"], starts=[100, 150, 200, 300], last=40)
    assert (place_of(change), change.how, change.b) == (
        ("team > lead > turn 1 > worker #2", "node"),
        "only in b",
        "xw-stock",
    )


def test_a_turn_put_in_between_leaves_the_others_what_they_were() -> None:
    change = the_change(extra=True)
    assert (place_of(change), change.how) == (("team > lead > turn 2", "node"), "only in b")


def test_another_name_is_a_name_and_no_other_agent() -> None:
    found = changes(worker="helper")
    assert {place_of(change)[1] for change in found} == {"name"}
    assert {(change.before, change.after) for change in found} == {("worker", "helper")}


def test_times_are_told_and_do_not_count() -> None:
    slow = Team(prefix="x", last=290)
    assert not compare(Team().run(), slow.run()).different
    found = compare(Team().run(), slow.run()).changes
    assert {change.field for change in found} == {"time", "overlap"}
    assert not any(change.counts for change in found)
    (overlap, *_) = [change for change in found if change.field == "overlap"]
    assert overlap.after == "at once with worker #2, 0.19 s"
    assert compare(Team().run(), slow.run(), times=True).different


def test_an_agent_that_moved_to_another_turn_is_the_same_agent() -> None:
    def run(host: str, prefix: str, says: str) -> Run:
        build = Builder()
        build.span(f"{prefix}r", "run", 0, 900, name="team")
        for number in (1, 2):
            build.span(f"{prefix}t{number}", "turn", number * 100, number * 100 + 90, f"{prefix}r")
            build.call(
                f"{prefix}c{number}", number * 100, number * 100 + 5, [user(f"{number}")], parent=f"{prefix}t{number}"
            )
        start = 110 if host == "t1" else 210
        agent = build.agent(f"{prefix}w", start, start + 50, f"{prefix}{host}", name="worker")
        build.call(f"{prefix}l", start, start + 50, [user("Look at the cart.")], [said(says)], parent=agent)
        return structure(build.recording())

    found = compare(run("t1", "", "It has a fault in it."), run("t2", "x", "It has a flaw in it.")).changes
    assert [(change.field, change.how, change.before, change.after) for change in found if change.counts] == [
        ("node", "moved", "turn 1 > worker", "turn 2 > worker"),
        ("answer", "changed", "It has a fault in it.", "It has a flaw in it."),
    ]


def test_runs_that_have_nothing_in_common() -> None:
    build = Builder()
    build.span("z", "run", 0, 5, name="other")
    empty = structure(build.recording())
    assert [change.how for change in compare(Team().run(), empty).changes if change.counts] == ["only in a"]
    assert [change.how for change in compare(empty, Team().run()).changes if change.counts] == ["only in b"]


def test_many_alike_nodes_take_no_time() -> None:
    def run(count: int) -> Run:
        build = Builder()
        build.span("r", "run", 0, 10**6, name="r")
        for number in range(count):
            build.tool(f"t{number}", "read", number * 10, number * 10 + 5, "r", arguments={"n": number % 7})
        return structure(build.recording())

    diff = compare(run(900), run(901))
    assert [change.how for change in diff.changes if change.counts] == ["only in b"]


def test_every_difference_is_found_both_ways() -> None:
    rng = random.Random(5)
    names = ["cart", "orders", "mail", "stock", "users", "tax"]
    for _ in range(40):

        def pick() -> Team:
            workers = rng.sample(names, rng.randrange(1, 6))
            return Team(workers=workers, starts=[100 + 60 * n for n in range(6)], last=50, extra=rng.random() < 0.5)

        a, b = pick(), pick()
        there: Diff = compare(a.run(), b.run())
        back: Diff = compare(b.run(), a.run())
        same = (a.edits["workers"], a.edits["extra"]) == (b.edits["workers"], b.edits["extra"])
        assert there.different == back.different == (not same)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a b c", "a x c"),
        ("", "new"),
        ("old", ""),
        ("same", "same"),
        ("x" * 9000 + "\nq", "y\n" * 6000),
        ("ä\n\n", "\nä"),
    ],
)
def test_words_add_up_to_both_texts(before: str, after: str) -> None:
    edits = words(before, after)
    assert "".join(edit.text for edit in edits if edit.mark != "+") == before
    assert "".join(edit.text for edit in edits if edit.mark != "-") == after
    assert all(edit.text for edit in edits)


def test_words_are_words() -> None:
    assert words("You lead a team.", "You lead a small team.") == [
        ("=", "You lead a "),
        ("+", "small "),
        ("=", "team."),
    ]

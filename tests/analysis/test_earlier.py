"""The use that agents make of their tools, read from a run and looked up in earlier ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tests.support.build import Builder, assistant, said, use, user
from tracekit.analysis.earlier import AgentId, Earlier, Practice
from tracekit.analysis.facts import Facts
from tracekit.analysis.structure import structure

TOOLS: list[dict[str, Any]] = [
    {"name": name, "description": name, "input_schema": {}} for name in ("read", "write", "search")
]


def lead(*answers: Iterable[dict[str, Any]], system: str = "You lead.", content: str = "full", **fields: Any) -> Facts:
    """A run of one agent called lead, whose model gives `answers`."""
    build = Builder()
    build._segment = replace(build._segment, content=content)
    build.span("root", "run", 0, 10_000)
    build.agent("lead", 0, 9000, "root")
    for number, answer in enumerate(answers):
        turn = build.span(f"turn{number}", "turn", 100 * number, 100 * number + 50, "lead")
        asked = fields.get("messages", [user(f"Question {number}.")])
        more = {"tools": TOOLS, **{name: value for name, value in fields.items() if name != "messages"}}
        build.call(
            f"llm{number}", 100 * number, 100 * number + 40, asked, list(answer), parent=turn, system=system, **more
        )
    return Facts(structure(build.recording()))


def practice(facts: Facts) -> Practice:
    (found,) = facts.practices.values()
    return found


def test_a_practice_has_what_was_offered_called_and_called_together() -> None:
    found = practice(lead([use("a", "read"), use("b", "search"), use("c", "read")], [said("Done.")]))
    assert found.offered == {"read", "write", "search"}
    assert found.called == {"read", "search"}
    assert found.together == {("read", "read"), ("read", "search")}
    assert found.is_whole


def test_calls_of_a_history_that_the_run_began_with_count_as_called() -> None:
    asked = [user("Go."), assistant(use("x", "write")), user("And now?")]
    assert practice(lead([said("Done.")], messages=asked)).called == {"write"}


def test_an_agent_is_known_by_its_name_and_its_prompt_without_words_that_have_a_digit() -> None:
    monday = practice(lead([said("Done.")], system="You lead. Today is 2026-11-23."))
    tuesday = practice(lead([said("Done.")], system="You lead. Today is 2026-11-24."))
    other = practice(lead([said("Done.")], system="You follow."))
    assert monday.agent == tuesday.agent != other.agent


def test_without_a_prompt_an_agent_is_known_by_the_names_of_its_tools() -> None:
    one = practice(lead([said("Done.")], system=""))
    other = practice(lead([said("Done.")], system="", tools=TOOLS[:2]))
    assert one.agent.name == other.agent.name
    assert one.agent != other.agent


def test_cache_markers_do_not_make_other_tools() -> None:
    marked = [*TOOLS[:2], {**TOOLS[2], "cache_control": {"type": "ephemeral"}}]
    assert practice(lead([said("Done.")], tools=marked)).tools == practice(lead([said("Done.")])).tools


def test_of_a_run_whose_content_was_not_kept_nothing_is_known() -> None:
    assert lead([use("a", "read")], content="metadata").practices == {}


def test_an_earlier_run_is_read_when_it_is_asked_for_and_once() -> None:
    found = practice(lead([use("a", "read"), use("b", "search")]))
    asked: list[AgentId] = []

    def read(agent: AgentId) -> Iterable[Practice]:
        asked.append(agent)
        return [found, replace(found, tools="others"), *[replace(found, together=frozenset())] * 40]

    earlier = Earlier(read)
    assert asked == []
    assert len(earlier.of(found.agent)) == 20
    assert earlier.requested_together(found, "search", "read") == 1
    assert earlier.requested_together(found, "read", "read") == 0
    assert asked == [found.agent]
    assert Earlier().of(found.agent) == ()

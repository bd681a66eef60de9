"""The ladder: what flows, what conflicts, and what makes the absence of both a reason."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.rules.story import Ask, Story, Turn, one_by_one
from fixtures.rules.telling import run_of
from tracekit.analysis.earlier import AgentId, Earlier, Practice
from tracekit.analysis.facts import Facts
from tracekit.model.finding import Finding
from tracekit.rules import findings_of
from tracekit.rules.split_turns import verdicts

TASK = "Survey hull, mast and sail. What you do with the rest of her is up to you."


def survey(part: str, output: str = "Fine.", name: str = "survey", **more: Any) -> Ask:
    return Ask(name, {"part": part}, output, **more)


def two(output: str, given: str, words: str = "", **more: Any) -> Story:
    """Make a story of two steps, the first with this output and the second with this input.

    The model writes `words` between them.
    """
    first, second = Turn((survey("hull", output, **more),)), Turn((survey(given, **more),), words=words)
    return Story("two steps", TASK, (first, second))


def tie(story: Story) -> tuple[str, str]:
    """Return the verdict on the last step, and its evidence."""
    last = verdicts(Facts(run_of(story)))[-1].verdict
    return last.tie, "; ".join(last.evidence)


@pytest.mark.parametrize(
    ("output", "given", "words", "why"),
    [
        ("See report RP-77.", "RP-77", "", "'RP-77' of what survey said is in what survey was given"),
        ("It weighs 12,480 kg.", "crane for 12480", "", "'12480' of what"),
        ("Commit 9f86d081884c7d65", "9f86d081", "", "'9f86d08' of what"),
        ("The keel has been repaired badly.", "The keel has been repaired badly.", "", "of what survey said is in"),
        ("Van Dijk", "van dijk", "", "'Van Dijk' of what survey said is in what survey was given"),
        ("Barnacles cover the rudder.", "barnacles on rudders", "", "words of what survey said (barna…, rudde…)"),
        ("See report RP-77.", "mast", "Now to RP-77.", "is in what the model said when it asked"),
        (
            "Barnacles cover the rudder.",
            "mast",
            "The rudder has barnacles; on.",
            "in what the model said when it asked",
        ),
    ],
)
def test_what_flowed(output: str, given: str, words: str, why: str) -> None:
    found, evidence = tie(two(output, given, words))
    assert found == "flow"
    assert why in evidence


@pytest.mark.parametrize(
    ("output", "given"),
    [
        ("The mast is fine.", "mast"),  # known from the task
        ("Fine, but for the rudder.", "rudder"),  # one word is chance
        ("In 2024 it was fine.", "2024"),  # so is a year
        ("", "mast"),
    ],
)
def test_what_did_not_flow(output: str, given: str) -> None:
    assert tie(two(output, given))[0] == "none"


def test_what_the_author_declares_comes_first() -> None:
    story = Story("declared", TASK, one_by_one(survey("hull"), Ask("paint", {"part": "mast"}, after=("survey",))))
    assert tie(story) == ("declared", "paint is declared to come after survey")
    assert tie(two("Fine.", "mast", writes=("the log",)))[0] == "conflict"


def found(story: Story, earlier: Earlier | None = None) -> Finding:
    (finding,) = findings_of(run_of(story), earlier=earlier)
    assert finding.code == "TK103"
    return finding


def parts(*names: str, **more: Any) -> tuple[Turn, ...]:
    return one_by_one(*(survey(name, **more) for name in names))


def test_no_dependence_seen_is_possible_and_items_of_a_list_come_first() -> None:
    listed, other = found(Story("listed", TASK, parts("hull", "mast", "sail"))), found(two("Fine.", "rest"))
    assert (listed.confidence, listed.rank) == ("possible", 1)
    assert (other.confidence, other.rank) == ("possible", 0)


def test_known_effects_make_it_likely() -> None:
    finding = found(Story("reads", TASK, parts("hull", "mast", reads=("the ship",))))
    assert finding.confidence == "likely"
    assert any(line.startswith("likely (a): right in ") for line in finding.evidence)
    # What nobody had named before may come from what was read.
    assert (
        tie(Story("narrowed", TASK, parts("hull", "anchor chain below", reads=("the ship",), agent=False)))[0] == "none"
    )
    narrowed = found(Story("narrowed", TASK, parts("hull", "anchor chain", reads=("the ship",), agent=False)))
    assert narrowed.confidence == "possible"
    assert any(line.startswith("but nobody had named ancho") for line in narrowed.evidence)


def test_what_was_asked_for_together_elsewhere_is_likely() -> None:
    story = Story("later apart", TASK, (Turn((survey("hull"), survey("mast"))), *parts("sail", "keel")))
    finding = next(each for each in findings_of(run_of(story)) if each.code == "TK103")
    assert finding.confidence == "likely"
    assert "turn 1 of lead asked for two survey in one response" in finding.evidence


def test_what_was_asked_for_together_in_an_earlier_run_is_likely() -> None:
    story = Story("apart", TASK, parts("hull", "mast", agent=False))
    run = run_of(story)
    facts = Facts(run)
    practice = facts.practice(facts.agents[0])
    assert practice is not None

    def read(agent: AgentId) -> list[Practice]:
        together = frozenset({("survey", "survey")})
        assert agent == practice.agent
        return [Practice(agent, practice.tools, practice.offered, practice.called, together, is_whole=True)] * 2

    finding = found(story, Earlier(read))
    assert finding.confidence == "likely"
    assert "2 earlier runs asked for two survey in one response" in finding.evidence
    assert found(story).confidence == "possible"


@pytest.mark.parametrize(
    "story",
    [
        Story("a failure", TASK, one_by_one(survey("hull", failed=True), survey("mast"))),
        Story("nothing recorded", TASK, parts("hull", "mast"), content="off"),
        Story("only its form", TASK, parts("hull", "mast"), content="metadata"),
        Story("redacted", TASK, one_by_one(survey("hull", "[redacted:key]"), survey("mast"))),
        Story("the same again", TASK, parts("hull", "hull", agent=False)),
    ],
    ids=lambda story: story.name,
)
def test_silence(story: Story) -> None:
    assert findings_of(run_of(story)) == []

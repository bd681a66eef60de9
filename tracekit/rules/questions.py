"""The question for a judge about steps that a rule takes for possibly independent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain

from tracekit.analysis.content import LONGEST_TASK, LONGEST_TEXT, leaves
from tracekit.analysis.facts import Facts
from tracekit.analysis.lineage.profile import Profile
from tracekit.model.question import Question, Step
from tracekit.model.tree import Node

__all__ = ["question_of"]


def question_of(facts: Facts, agent: Node | None, rounds: Sequence[Sequence[Profile]]) -> Question | None:
    """Return the question whether a step of a later round needed the output of one of an earlier round.

    `agent` requested the `rounds`, one after another; None where the program's own code started them. None is returned
    where the content of a step is not recorded.
    """
    steps = [tuple(step for profile in profiles if (step := _step(profile)) is not None) for profiles in rounds]
    if any(len(known) < len(profiles) for known, profiles in zip(steps, rounds, strict=True)):
        return None
    asked = [profiles[0].work.asked for profiles in rounds[1:]]
    text = "\n".join(facts.content.answer_text(call) for call in asked if call is not None).strip()
    name = "" if agent is None else agent.agent or ""
    task = "" if agent is None else _task(facts, agent)
    question = Question(name, task, tuple(chain(*steps[:-1])), tuple(chain(*steps[1:])), text)
    return question if question.is_recorded else None


def _step(profile: Profile) -> Step | None:
    """The step of `profile`; None where its input is unknown, or is too long to be read as a whole."""
    if profile.given is None:
        return None
    arguments = profile.arguments
    # With their names the arguments say more than by their values alone.
    given = profile.given if arguments is None else json.dumps(arguments, ensure_ascii=False)
    output = profile.output
    if output is not None and len(output) >= LONGEST_TEXT:
        output = None
    return Step(profile.work.name, given, output) if len(given) < LONGEST_TASK else None


def _task(facts: Facts, agent: Node) -> str:
    """The text of the first message that `agent` sent to its model."""
    calls = facts.own_calls(agent)
    messages = facts.content.messages(calls[0]) if calls else ()
    return "\n".join(leaves(messages[0].get("content"))) if messages else ""

"""The language of docstrings and class names. `python -m tests.support.language PACKAGE` lists the offences of a package."""

from __future__ import annotations

import pytest

from tests.support.language import offences, offences_in


def test_docstrings_and_class_names_are_plain() -> None:
    listed = [f"{each.where}: {each.rule}: {' '.join(each.text.split())[:100]}" for each in offences()]
    assert not listed, "\n".join(["reword these:", *listed])


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("dialect", "For one who looks at something under one aspect of several, what it is; empty for others."),
        (
            "question",
            "What of it is in what other was given, as a sentence; empty where nothing is that was not known.",
        ),
        ("question", "Which node of one run is which of the other."),
        ("question", "What each call said that no call before it had said."),
        ("question", "What it sets, of what an agent shares with those below it."),
        ("question", "Who it is for the clock, now that a worker has it."),
        ("question", "`what` came first."),
        ("question", "Whether a run is a replay."),
        ("question", "How many runs there are."),
        ("question", "Where journals are."),
        ("dialect", "Say what there is of it."),
        ("dialect", "A value that cannot be meant is said once."),
        ("dialect", "Return the works that are hardly needed."),
        ("dialect", "Draw the run, and say what came of it."),
        ("dialect", "The dearest agents, first."),
        ("pronoun", "It is a fresh fork."),
        ("pronoun", "Those of a batch that are free of each other."),
        ("pronoun", "One of the files of a run."),
        ("pronoun", "Such a request was sent before."),
        ("weak", "Its bytes."),
        ("weak", "No more is read."),
        ("weak", "All attempts, in order."),
        ("weak", "Nothing is held."),
        ("weak", "Let go of the store."),
        ("weak", "From now on `task` is `lane`."),
        ("weak", "Gives a node's children with what was asked for together in the order of the request."),
        ("weak", "Give up."),
        ("length", "Return the run " + "and its parent " * 6 + "in order."),
    ],
)
def test_the_rules_know_an_offence(rule: str, text: str) -> None:
    assert rule in offences_in(text)


@pytest.mark.parametrize(
    "text",
    [
        'Return the review aspect in an agent\'s name ("security" in "security_reviewer"), or "".',
        "Align the nodes of two runs.",
        "Extract the messages that each call adds to the conversation.",
        "The settings that a subagent passes on to its own subagents.",
        "Register a worker thread with the virtual clock.",
        "Return whether a run is a replay.",
        "One command a file.",
    ],
)
def test_plain_sentences_pass(text: str) -> None:
    assert offences_in(text) == set()

"""The language of docstrings and class names: no package gets more offences than it has left, and most have to lose some.

`python -m tests.support.language PACKAGE` lists the offences of a package. Lower a number here when you have removed some.
"""

from __future__ import annotations

import pytest

from tests.support.language import offences, offences_in, table

LEFT: dict[str, dict[str, int]] = {
    "analysis": {"question": 38, "pronoun": 1, "length": 8, "dialect": 4, "class": 6},
    "cli": {"question": 18, "length": 23, "dialect": 6, "class": 4},
    "collect": {"question": 16, "length": 7, "dialect": 5},
    "cost": {"class": 1},
    "demo": {"length": 3, "dialect": 1, "class": 2},
    "instrument": {"question": 39, "pronoun": 1, "length": 36, "dialect": 3, "class": 13},
    "journal": {"class": 3},
    "judges": {"length": 2},
    "model": {"question": 22, "length": 17, "dialect": 1, "class": 5},
    "otlp": {"dialect": 1, "class": 3},
    "privacy": {"class": 2},
    "replayer": {"question": 10, "length": 4, "dialect": 1, "class": 4},
    "rules": {"question": 59, "pronoun": 5, "length": 25, "dialect": 25, "class": 3},
    "runtime": {"class": 2},
    "store": {"dialect": 2, "class": 4},
    "testing": {"class": 2},
    "tracekit": {"class": 1},
    "tracekit_viewer": {"dialect": 4, "class": 13},
}
"""The offences that are left, by package and rule. A package that is not named has none."""


def test_no_package_gets_more_offences() -> None:
    found = offences()
    more = {
        (package, rule)
        for package, counts in table(found).items()
        for rule, count in counts.items()
        if count > LEFT.get(package, {}).get(rule, 0)
    }
    listed = [
        f"{each.where}: {each.rule}: {' '.join(each.text.split())[:100]}"
        for each in found
        if (each.package, each.rule) in more
    ]
    assert more == set(), "\n".join(["reword what you added:", *listed])


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

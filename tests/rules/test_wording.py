"""The names of agents, tools and calls in findings."""

from __future__ import annotations

import pytest

from fixtures.rules.labelled import CAREFUL, HITS
from fixtures.rules.telling import run_of
from tracekit.rules import findings_of

STORIES = {story.name: story for story in (*HITS, *CAREFUL)}


@pytest.mark.parametrize(
    ("story", "code", "told"),
    [
        ("one port of four takes far longer", "TK105", "port_agent (Ostend) took 9.00 s of a batch of 4"),
        (
            "a semaphore within agents of the program's own",
            "TK104",
            "the program set to work 7 x port_agent; never more",
        ),
        ("ports that were refused, all at once", "TK203", "7 calls at once were more than the rate limit allows"),
        ("a semaphore within agents, some of which are refused", "TK203", "3 calls at once were more than the rate"),
        ("left open in a crew", "TK404", "1 span was begun and never ended: agent forgotten"),
        ("a cut answer at the end", "TK402", "1 answer of claude-sonnet-5-5 stopped at max_tokens"),
        ("one cut report of three", "TK402", "the last answer of audit_agent stopped at max_tokens"),
    ],
)
def test_a_message_names_whom_it_is_about(story: str, code: str, told: str) -> None:
    messages = [finding.message for finding in findings_of(run_of(STORIES[story])) if finding.code == code]
    assert [message[: len(told)] for message in messages] == [told]


def test_a_wait_for_a_place_is_told_apart_from_the_work() -> None:
    run = run_of(STORIES["a semaphore within agents of the program's own"])
    evidence = [line for finding in findings_of(run) if finding.code == "TK104" for line in finding.evidence]
    assert any(line.startswith("port_agent Ostend") and "before its first call" in line for line in evidence)


def test_where_a_limit_stands_already_no_other_is_advised() -> None:
    run = run_of(STORIES["a semaphore within agents, some of which are refused"])
    (remedy,) = (finding.remedy for finding in findings_of(run) if finding.code == "TK203")
    assert remedy.startswith("Lower the limit")

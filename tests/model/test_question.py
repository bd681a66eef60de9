"""The question that a judge answers."""

import subprocess
import sys
from dataclasses import replace

from tests.support.waiting import LONG_S
from tracekit.cli.reports import finding_json
from tracekit.model.finding import Finding
from tracekit.model.question import Question, Ruling, Step

QUESTION = Question(
    "lead", "look into the shop", (Step("search", "cart", "12 hits"),), (Step("search", "mail", None),), "Next, mail."
)


def test_a_digest_is_the_same_in_every_process_and_differs_with_every_text() -> None:
    program = f"from tracekit.model.question import *\nprint({QUESTION!r}.digest)"
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=LONG_S
    )
    assert printed.stdout.strip() == QUESTION.digest
    changed = [
        replace(QUESTION, agent="other"),
        replace(QUESTION, task="other"),
        replace(QUESTION, said="other"),
        replace(QUESTION, earlier=(Step("search", "cart", "13 hits"),)),
        replace(QUESTION, earlier=(Step("search", "cart", None),)),
        replace(QUESTION, later=(Step("search", "mail", ""),)),
        replace(QUESTION, earlier=QUESTION.later, later=QUESTION.earlier),
    ]
    assert len({QUESTION.digest, *(each.digest for each in changed)}) == len(changed) + 1
    assert replace(QUESTION, said="half a \ud83d pair").digest


def test_only_what_was_recorded_can_be_judged() -> None:
    assert QUESTION.is_recorded
    assert not replace(QUESTION, earlier=(Step("search", "cart", None),)).is_recorded
    assert not replace(QUESTION, earlier=()).is_recorded


def test_a_question_is_no_part_of_a_finding_s_identity_nor_of_its_json() -> None:
    finding = Finding("TK103", "split-turns", "possible", "m", ("e",), ("s",), 1.0, None, "r")
    asked = replace(finding, question=QUESTION, judged=Ruling(is_dependent=False, reason="no", quote="", judge="j"))
    assert asked == finding
    assert hash(asked) == hash(finding)
    assert "12 hits" not in repr(asked)
    assert "question" not in finding_json(asked)

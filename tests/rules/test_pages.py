"""Every rule has its own code, a page with headings, a hit, a miss, and a line in the manual."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.make_rules import FOLDER, chosen, write
from fixtures.rules.telling import codes
from tests.support.manual import page
from tracekit.analysis.structure import structure
from tracekit.journal.reader import read_run
from tracekit.model.tree import Run
from tracekit.rules import findings_of
from tracekit.rules.rule import HEADINGS, Rule
from tracekit.rules.table import OWN, markdown


def test_codes_and_names_are_unique_and_in_order() -> None:
    assert [rule.code for rule in OWN] == sorted({rule.code for rule in OWN})
    assert len({rule.name for rule in OWN}) == len(OWN)


@pytest.mark.parametrize("rule", OWN, ids=lambda rule: rule.code)
def test_a_page_has_its_headings_in_order_and_a_short_summary(rule: Rule) -> None:
    headings = [line.removeprefix("## ") for line in rule.text.splitlines() if line.startswith("## ")]
    assert headings == list(HEADINGS)
    assert rule.page.strip().partition("\n")[0].endswith(".")
    assert len(rule.summary) <= 120


@pytest.mark.parametrize("rule", OWN, ids=lambda rule: rule.code)
def test_the_journals_hold_a_hit_and_a_miss(rule: Rule) -> None:
    found = findings_of(loaded(FOLDER / f"{rule.code}-hit.jsonl"))
    assert rule.code in codes(found, "certain", "likely", "possible")
    assert rule.code not in codes(
        findings_of(loaded(FOLDER / f"{rule.code}-miss.jsonl")), "certain", "likely", "possible"
    )


def test_the_journals_are_those_of_the_stories(tmp_path: Path) -> None:
    for code, kind, story in chosen():
        name = f"{code}-{kind}.jsonl"
        assert write(story, tmp_path / name).read_text() == (FOLDER / name).read_text(), name


def test_the_manual_has_the_table() -> None:
    assert markdown(OWN) in page("check")


def loaded(path: Path) -> Run:
    return structure(read_run([path]))

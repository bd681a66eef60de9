"""The labelled set: precision 1.0 for what is certain or likely; recall with and without what is possible."""

from __future__ import annotations

from collections import Counter

import pytest

from fixtures.rules.labelled import labelled
from fixtures.rules.telling import codes, run_of
from tracekit.rules import findings_of


def test_precision_and_recall(capsys: pytest.CaptureFixture[str]) -> None:
    stories = labelled()
    right, wrong, only_possible, missed = Counter[str](), [], Counter[str](), []
    for story in stories:
        findings = findings_of(run_of(story))
        found, possible = set(codes(findings)), set(codes(findings, "possible"))
        right.update(found & story.hits)
        wrong += [(story.name, code) for code in found - story.hits]
        only_possible.update((story.hits - found) & possible)
        missed += [(story.name, code) for code in story.hits - found - possible]
    hits, more = sum(right.values()), sum(only_possible.values())
    precision, recall = hits / (hits + len(wrong)), hits / (hits + more + len(missed))
    silent = sum(not story.hits for story in stories)
    with capsys.disabled():
        print(
            f"\n{len(stories)} labelled runs, {silent} of them silent: precision {precision:.3f}, recall {recall:.3f}, "
            f"{(hits + more) / (hits + more + len(missed)):.3f} with what is possible"
        )
        print(", ".join(f"{code} {count}" for code, count in sorted(right.items())))
        print("possible:", ", ".join(f"{code} {count}" for code, count in sorted(only_possible.items())))
    assert len(stories) >= 120
    assert silent * 2 >= len(stories)
    assert set(only_possible) <= {"TK103", "TK104", "TK106"}
    assert wrong == []
    assert len(missed) <= 0.02 * (hits + more), missed

"""The labelled set: precision 1.0 and recall of at least 0.95 for what is certain or likely, together."""

from __future__ import annotations

from collections import Counter

import pytest

from fixtures.rules.labelled import labelled
from fixtures.rules.telling import codes, run_of
from tracekit.rules import findings_of


def test_precision_and_recall(capsys: pytest.CaptureFixture[str]) -> None:
    stories = labelled()
    right, wrong, missed = Counter[str](), [], []
    for story in stories:
        found = set(codes(findings_of(run_of(story))))
        right.update(found & story.hits)
        wrong += [(story.name, code) for code in found - story.hits]
        missed += [(story.name, code) for code in story.hits - found]
    hits = sum(right.values())
    precision, recall = hits / (hits + len(wrong)), hits / (hits + len(missed))
    silent = sum(not story.hits for story in stories)
    with capsys.disabled():
        print(
            f"\n{len(stories)} labelled runs, {silent} of them silent: precision {precision:.3f}, recall {recall:.3f}"
        )
        print(", ".join(f"{code} {count}" for code, count in sorted(right.items())))
    assert len(stories) >= 120
    assert silent * 2 >= len(stories)
    assert min(right.values()) >= 4
    assert wrong == []
    assert recall >= 0.95, missed

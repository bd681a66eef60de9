"""Journals of which parts are missing, and runs deeper than Python's stack: rules say less, and never fail."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from fixtures.make_rules import FOLDER
from tests.support.build import Builder, said, use, user
from tracekit.analysis.facts import Facts
from tracekit.analysis.structure import structure
from tracekit.errors import JournalError
from tracekit.journal.reader import read_run
from tracekit.rules import findings_of
from tracekit.rules.explain import explain
from tracekit.rules.table import OWN


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*-hit.jsonl")), ids=lambda path: path.stem)
def test_lines_that_are_missing(path: Path, tmp_path: Path) -> None:
    header, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    chance = random.Random(path.stem)
    for share in (0.05, 0.2, 0.5):
        for _ in range(4):
            kept = [line for line in lines if chance.random() > share]
            torn = tmp_path / "torn.jsonl"
            torn.write_text(header + "".join(kept), encoding="utf-8")
            try:
                run = structure(read_run([torn]))
            except JournalError:
                continue
            for finding in findings_of(run, rules=OWN):
                assert finding.saved_ms is None or finding.saved_ms >= 0
                assert {node.id for node in run.root.walk()} >= set(finding.spans)
            explain(Facts(run))


@pytest.mark.parametrize("is_open", [False, True])
def test_agents_that_ask_agents_down_to_level_10_000(is_open: bool) -> None:
    build, levels = Builder(), 10_000
    parent = build.span("root", "run", 0, 3 * levels)
    for level in range(levels):
        end = None if is_open else 3 * levels - level
        agent = build.agent(f"a{level}", level, end, parent, name="lead")
        parent = build.tool(f"x{level}", "ask_lead", level, 3 * levels - level, agent, call_id=f"u{level - 1}")
    asked = [use("u", "read_file", path="src/cart.py")]
    build.call("call", levels + 1, levels + 2, [user("Read src/cart.py."), user([said("Go.")])], asked, parent=parent)
    run = structure(build.recording())
    for finding in findings_of(run, rules=OWN):
        assert finding.saved_ms is None or finding.saved_ms >= 0
    explain(Facts(run))

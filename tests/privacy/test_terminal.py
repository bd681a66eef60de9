"""Names and texts with terminal sequences, in messages of checks, of the pytest plugin and of a replay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.build import Builder, user
from tracekit.analysis.structure import structure
from tracekit.cli.reports import github_lines
from tracekit.model.finding import Finding
from tracekit.model.tree import Run
from tracekit.testing import check, outline

EVIL = "\x1b]52;c;ZXZpbA==\x07\u202e\x9b31m"


def built_run() -> Run:
    builder = Builder()
    builder.span("r", "run", 0, 100, name=f"run{EVIL}")
    for number, name in enumerate(("w", "v")):
        builder.agent(f"a{number}", 30 * number, 30 * number + 10, "r", name=name + EVIL)
        builder.call(f"c{number}", 30 * number, 30 * number + 5, [user("x")], parent=f"a{number}")
    return replace(structure(builder.recording()), name=f"run{EVIL}")


def assert_harmless(text: str) -> None:
    assert not [character for character in text if character != "\n" and not character.isprintable()]
    assert "␛]52" in text


def test_annotations_for_github() -> None:
    built = built_run()
    finding = Finding("TK101", f"rule{EVIL}", "certain", f"two\nlines {EVIL}", (f"why {EVIL}",), (), 1.0, None, EVIL)
    (line,) = github_lines(built, [finding], f"file{EVIL}.jsonl", "likely")
    assert_harmless(line)
    assert line.count("%0A") == 3


def test_failures_of_checks() -> None:
    built = built_run()
    checks: list[Callable[[], object]] = [
        lambda: check(built).parallel(f"w{EVIL}", f"v{EVIL}"),
        lambda: check(built).serial(f"v{EVIL}", f"w{EVIL}"),
        lambda: check(built).parallel("a", "b"),
        lambda: check(built).tree("x"),
        lambda: check(built).times(f"w{EVIL}", 5),
    ]
    for each in checks:
        with pytest.raises(AssertionError) as caught:
            each()
        assert_harmless(str(caught.value))
    assert_harmless(outline(built))

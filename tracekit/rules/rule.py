"""A rule: a code, a name, a page and a check.

To write one of your own, make a `Rule` and name it in the entry-point group ``tracekit.rules``:

    [project.entry-points."tracekit.rules"]
    X101 = "my_package.slow_tools:RULE"
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tracekit import semconv
from tracekit.analysis.facts import Facts
from tracekit.model.change import Saving
from tracekit.model.finding import Confidence, Finding
from tracekit.model.question import Question
from tracekit.model.tree import Run

__all__ = ["HEADINGS", "Check", "Rule", "names_of"]

Check: TypeAlias = Callable[[Facts], Iterable[Finding]]
"""Looks at a run and says what it finds."""

HEADINGS = ("What it finds", "Why it matters", "Example", "What to do", "Settings")
"""The headings of a rule's page, in order."""

_CODE = re.compile(r"[A-Z]{1,6}\d{3}")
_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. `page` is the Markdown that `tracekit rule CODE` prints: a summary line, then the `HEADINGS`.

    Raises:
        ValueError: The code is not letters and three digits, or the name not words joined by hyphens.
    """

    code: str
    name: str
    check: Check
    page: str

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code) or not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.code!r} {self.name!r} names no rule: a code is like X101, a name like slow-tools")

    @property
    def summary(self) -> str:
        """The first line of the page."""
        return self.page.strip().partition("\n")[0].rstrip(".")

    @property
    def text(self) -> str:
        """The page without the indentation of the source."""
        return inspect.cleandoc(self.page)

    def finding(
        self,
        confidence: Confidence,
        message: str,
        *,
        evidence: Iterable[str],
        spans: Iterable[str],
        remedy: str,
        saving: Saving | None = None,
        saved_usd: float | None = None,
        question: Question | None = None,
        rank: int = 0,
    ) -> Finding:
        """A finding of this rule.

        `saving` is what would run at another time, and by how much the run would be shorter: `Schedule.saving` computes it.
        `saved_usd` is what the run would have cost less, in US dollars, and is rounded to 9 digits after the point.
        `question` is what a judge may decide about a possible finding. Of those, the higher `rank` comes first.
        """
        change, saved_ms = (None, None) if saving is None else (saving.change, round(saving.ns / 1e6, 3))
        return Finding(
            self.code,
            self.name,
            confidence,
            message,
            evidence=tuple(evidence),
            spans=tuple(spans),
            saved_ms=saved_ms,
            saved_usd=None if saved_usd is None else round(saved_usd, 9),
            remedy=remedy,
            change=change,
            rank=rank,
            question=question,
        )


def names_of(run: Run) -> Mapping[str, tuple[str, ...]]:
    """Return the names of each node of `run`, by id: the name of an agent or of a tool."""
    named: dict[str, tuple[str, ...]] = {}
    for node in run.root.walk():
        name = node.agent if node.kind == "agent" else node.attributes.get(semconv.TOOL_NAME)
        if name is not None:
            named[node.id] = (str(name),)
    return named

"""Plain English, measured: docstrings and class names that break a rule of the language, by package.

`python -m tests.support.language [PACKAGE…]` lists them.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["RULES", "Offence", "offences", "offences_in", "table"]

ROOT = Path(__file__).parents[2]
SHIPPED = ("tracekit", "viewer/tracekit_viewer")
"""Class names are unique here; a test may name its own helper as another test does."""
FOLDERS = (*SHIPPED, "fixtures", "tests")

MOST_WORDS = 20
_QUESTION = re.compile(r"\W*(what|who|whose|whom|which|how|whether|where|when|why)\b", re.IGNORECASE)
_PRONOUN = re.compile(
    r"\W*((it|they|them|such|those|others)\b|(one|that|this|these)( (is|are|was|were|has|that|who|which|of|in|from|may|must)\b|[,:;.]))",
    re.IGNORECASE,
)
_WEAK = re.compile(
    r"\W*(its|no|all|nothing|none|nobody)\b|let go\b|give up\b|from now on\b|gives? .* with what\b", re.IGNORECASE
)
_DIALECT = re.compile(
    r"came of (?:it|a)\b|\bdear(?:er|est)?\b|\bgrave\b|\bveil\b|\bheed\w*|hardly needed|told once|for one who"
    r"|said once|what there is of it|whoever looks|a word of",
    re.IGNORECASE,
)
_OLD_NAMES = {"Beside", "Veil", "_Hush", "ThreadsOfTalk", "Turning", "plural", "told", "_dear", "grave", "uncollected"}
RULES = ("question", "pronoun", "weak", "length", "dialect", "class")
"""A first line that begins with a question word, a pronoun or an empty word, or is too long; dialect; a class name used twice."""


class Offence(NamedTuple):
    """A rule that a docstring or a class name breaks. `package` is the folder below tracekit, or the viewer's."""

    package: str
    rule: str
    where: str
    text: str


def offences_in(text: str) -> set[str]:
    """Return the rules that a docstring breaks."""
    first = text.strip().partition("\n")[0]
    found = set()
    if _QUESTION.match(first):
        found.add("question")
    if _PRONOUN.match(first):
        found.add("pronoun")
    if _WEAK.match(first):
        found.add("weak")
    if len(first.split()) > MOST_WORDS:
        found.add("length")
    if _DIALECT.search(text):
        found.add("dialect")
    return found


def offences() -> list[Offence]:
    """Return every offence in the code of the package, the viewer, the fixtures and the tests."""
    found: list[Offence] = []
    classes: dict[str, list[tuple[str, str]]] = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            package = _package(path)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"
                if getattr(node, "name", None) in _OLD_NAMES:
                    found.append(Offence(package, "dialect", where, getattr(node, "name", "")))
                if isinstance(node, ast.ClassDef) and folder in SHIPPED:
                    classes.setdefault(node.name, []).append((package, where))
                found += [
                    Offence(package, rule, where, text)
                    for text in _docstring(node)
                    for rule in sorted(offences_in(text))
                ]
    for name, places in classes.items():
        found += [Offence(package, "class", where, name) for package, where in places if len(places) > 1]
    return found


def table(found: Iterable[Offence]) -> dict[str, dict[str, int]]:
    """Return the number of offences against each rule, by package."""
    counted = Counter((offence.package, offence.rule) for offence in found)
    packages = sorted({package for package, _ in counted})
    return {each: {rule: counted[each, rule] for rule in RULES if counted[each, rule]} for each in packages}


def _package(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[1] if len(parts) > 2 else "tracekit"


def _docstring(node: ast.AST) -> Iterator[str]:
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        text = ast.get_docstring(node)
        if text:
            yield text


def main() -> None:
    """Print each offence in the packages named, by default in all, and the table."""
    found = [each for each in offences() if not sys.argv[1:] or each.package in sys.argv[1:]]
    for each in found:
        print(f"{each.where}: {each.rule}: {' '.join(each.text.split())[:160]}")
    for package, counts in table(found).items():
        print(f"    {package!r}: {counts},")


if __name__ == "__main__":
    main()

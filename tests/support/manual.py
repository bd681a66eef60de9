"""The manual as tests read it: the README and the pages that `tracekit help` shows."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["PAGES", "README", "ROOT", "blocks", "page", "section"]

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = tuple(sorted((ROOT / "tracekit" / "guide").glob("*.md")))


def page(topic: str) -> str:
    """Return the text of the page on `topic`."""
    return (ROOT / "tracekit" / "guide" / f"{topic}.md").read_text(encoding="utf-8")


def section(topic: str, heading: str) -> str:
    """Return the section of a page below the `heading` of level two, up to the next of that level."""
    text = page(topic)
    assert f"\n## {heading}\n" in text, f"{topic}.md has no section {heading!r}"
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def blocks(text: str, language: str) -> list[str]:
    """Return the code blocks of `text` in a `language`."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)

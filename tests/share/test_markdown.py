"""The summary for a pull request: what it says, and that names are neither markup nor mentions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.support.sharing import markup_run
from tracekit.analysis.structure import structure
from tracekit.journal.reader import read_run
from tracekit.model.tree import Run
from tracekit.rules.default import default_findings
from tracekit.share.markdown import code_span, markdown

FIXTURES = sorted((Path(__file__).parents[2] / "fixtures" / "runs").glob("*.jsonl"))


def tokens_of(text: str) -> list[Any]:
    found = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        found += [token, *(token.children or ())]
    return found


def run_named(name: str) -> Run:
    return structure(read_run([next(path for path in FIXTURES if path.stem == name)]))


def test_it_has_the_totals_the_agents_the_findings_and_the_tree() -> None:
    run = run_named("refactoring")
    text = markdown(run, default_findings(run))
    assert text.startswith(
        "### `refactoring`\n\nok · 11.5 s · 7 agents · 10 calls · 2 retries · 5062 → 1447 tokens · \\$0.0293"
    )
    assert "| `analysis_agent` | 3 | 3 | 2.92 s | 28% | 327 → 351 | \\$0.0042 | 0 |" in text
    assert "#### 2 findings" in text
    assert "- **TK101** blocked-event-loop (certain, saves 1.71 s): the sync client's `messages.create` blocks" in text
    assert "      refactor_agent  shop/orders.py · sonnet-5-5  2 retries  TK101  2.11 s\n" in text


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_recorded_runs_are_sound_markdown(path: Path) -> None:
    run = structure(read_run([path]))
    tokens = tokens_of(markdown(run, default_findings(run)))
    assert sum(token.type == "table_open" for token in tokens) == 1
    assert sum(token.type == "fence" for token in tokens) == 1
    assert [token.content for token in tokens if token.type == "html_block"] == [
        "<details><summary>Tree</summary>\n",
        "</details>\n",
    ]


def test_names_are_neither_markup_nor_mentions() -> None:
    run = markup_run()
    text = markdown(run, default_findings(run))
    tokens = tokens_of(text)
    assert not {token.type for token in tokens} & {"link_open", "image", "strong_open"} - {"strong_open"}
    assert {token.content.strip() for token in tokens if token.type.startswith("html")} <= {
        "<details><summary>Tree</summary>",
        "</details>",
        "<!-- -->",
    }
    outside = " ".join(token.content for token in tokens if token.type == "text")
    assert "@everyone" not in outside
    assert "http://evil" not in outside
    assert sum(token.type == "fence" for token in tokens) == 1
    code = " ".join(token.content for token in tokens if token.type == "code_inline")
    assert "@everyone" in code


@pytest.mark.parametrize("name", ["plain", "a `b` c", "``", "`", " x ", "|", ""])
def test_code_spans(name: str) -> None:
    (code,) = [token for token in tokens_of(code_span(name)) if token.type == "code_inline"]
    assert code.content.strip() == name.strip()

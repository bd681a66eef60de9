"""The HTML page: its content, its security policy, and texts of the run that stay text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.support.hostile import write
from tests.support.sharing import MARKUP, markup_run, wide_run
from tracekit.analysis.structure import structure
from tracekit.collect.look import find, read_entry
from tracekit.journal.reader import read_run
from tracekit.model.tree import Run
from tracekit.rules.default import default_findings
from tracekit.share.html import html_page
from tracekit.share.safe import safe_text

FIXTURES = sorted((Path(__file__).parents[2] / "fixtures" / "runs").glob("*.jsonl"))


class Page(HTMLParser):
    """A page as a browser's parser sees it: its elements, and the texts of scripts and styles."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.source = html_page(run, default_findings(run)).decode()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": [], "title": []}
        self._within = ""
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in self.texts:
            self._within = tag
            self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within:
            self.texts[self._within][-1] += data

    @property
    def data(self) -> Any:
        return json.loads(self.texts["script"][0])

    @property
    def policy(self) -> dict[str, list[str]]:
        (meta,) = [each for tag, each in self.elements if tag == "meta" and "http-equiv" in each]
        words = [part.split() for part in str(meta["content"]).split(";")]
        return {first: rest for first, *rest in words}


def run_of(path: Path) -> Run:
    return structure(read_run([path]))


@pytest.fixture(scope="module")
def refactoring() -> Run:
    return run_of(next(path for path in FIXTURES if path.stem == "refactoring"))


def hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_the_policy_lets_in_the_page_itself_alone(path: Path) -> None:
    page = Page(run_of(path))
    assert [len(page.texts[tag]) for tag in ("script", "style")] == [2, 1]
    assert page.policy == {
        "default-src": ["'none'"],
        "script-src": [hashed(page.texts["script"][1])],
        "style-src": [hashed(page.texts["style"][0])],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["'none'"],
    }
    # The policy stands before everything that it is about.
    assert [tag for tag, _ in page.elements][:4] == ["html", "head", "meta", "meta"]
    assert not any(name in each for _, each in page.elements for name in ("src", "href", "style", "srcset"))


def test_the_elements_are_the_same_whatever_the_run_says(refactoring: Run) -> None:
    own = [(tag, set(each)) for tag, each in Page(refactoring).elements]
    page = Page(markup_run())
    assert [(tag, set(each)) for tag, each in page.elements] == own
    assert page.texts["script"][1] == Page(refactoring).texts["script"][1]
    assert page.source.count("<script") == 2
    assert "\x00" not in page.source
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff\x01-\x08\x1b]", page.source)
    shown = json.dumps(page.data, ensure_ascii=False)
    for text in MARKUP.values():
        assert json.dumps(safe_text(text), ensure_ascii=False)[1:-1] in shown


def test_a_hostile_journal(recording: Path) -> None:
    page = Page(read_entry(find(write())))
    assert not re.search("[\u202a-\u202e\x01-\x08\x1b\x7f-\x9f]", page.source)
    shown = json.dumps(page.data)
    assert all(f"EVIL{number:02}" in shown for number in range(1, 23))


def test_the_data_says_what_the_run_says(refactoring: Run) -> None:
    data = Page(refactoring).data
    nodes = list(refactoring.root.walk())
    assert [node["id"] for node in data["nodes"]] == [node.id for node in nodes]
    zero_ns = refactoring.root.start_ns
    assert [node["start"] for node in data["nodes"]] == [node.start_ns - zero_ns for node in nodes]
    assert [data["nodes"][node["parent"]]["id"] for node in data["nodes"][1:]] == [
        next(parent.id for parent in nodes if child in parent.children) for child in nodes[1:]
    ]
    assert data["run"]["cost"] == refactoring.root.cost_usd
    assert {place for row in data["rows"] for place in row["nodes"]} == {
        place for place, node in enumerate(nodes) if node.kind != "attempt"
    }
    texts = [block["text"] for call in data["calls"].values() for block in call["received"]]
    assert any("Three findings in shop/cart.py" in text for text in texts)
    # What was streamed comes at its own pace, and at the end as a whole.
    (streamed,) = [call for call in data["calls"].values() if "pace" in call]
    assert streamed["pace"][-1][1:] == [len(streamed["received"]), -1]
    arrived = [(count, characters) for _, count, characters in streamed["pace"][:-1]]
    assert len(arrived) > 3
    assert arrived == sorted(arrived)


def test_the_changes_are_those_of_the_findings(refactoring: Run) -> None:
    data = Page(refactoring).data
    both, first, second = data["changes"]
    assert (both["findings"], first["findings"], second["findings"]) == ([0, 1], [0], [1])
    assert first["saved"] == pytest.approx(data["findings"][0]["savedMs"] * 1e6, abs=1000)
    assert both["saved"] == first["saved"] + second["saved"]
    moved = {int(place): times for place, times in both["moved"].items()}
    assert max(end for _, end in moved.values()) == both["could"] == both["was"] - both["saved"]


def test_a_large_run_is_a_small_page() -> None:
    run = wide_run()
    page = Page(run)
    assert run.count() > 5_000
    assert len(page.source) < 400 * run.count()
    groups = [row for row in page.data["rows"] if "group" in row]
    assert sum(len(row["group"]["members"]) for row in groups) == 720


def test_a_result_that_stands_in_the_conversation_stands_there_alone() -> None:
    source = Page(wide_run(3)).source
    assert source.count(("content " * 20).strip()) == 3


def test_scripts_and_styles_are_package_data_and_ask_for_nothing() -> None:
    folder = files("tracekit.share") / "page"
    parts = {part.name: part.read_text(encoding="utf-8") for part in folder.iterdir()}
    assert {"page.html", "page.css"} < set(parts)
    for name, text in parts.items():
        assert len(text.splitlines()) <= 400, name
        assert "://" not in text, name
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacent",
            "document.write",
            "eval(",
            "fetch(",
            "import(",
            "url(",
        ):
            assert word not in text, (name, word)

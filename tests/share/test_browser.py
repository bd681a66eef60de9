"""The HTML page in a headless Chromium: it draws every run, obeys its keys, and asks for nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.sharing import MARKUP, markup_run, wide_run
from tracekit.analysis.structure import structure
from tracekit.journal.reader import read_run
from tracekit.model.tree import Run
from tracekit.rules.default import default_findings
from tracekit.share.html import html_page

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
playwright = pytest.importorskip("playwright.sync_api", reason="Playwright drives the browser")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium: `apt install chromium`"),
    pytest.mark.filterwarnings("default"),
]

DEMO = Path(__file__).parents[2] / "fixtures" / "runs" / "refactoring.jsonl"
ROWS = 15
SELECTED = "document.querySelector('.row[aria-selected=true]').getAttribute('aria-label')"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM)
        yield opened
        opened.close()


class Shown:
    """A page that is open, with all that the browser said about it."""

    def __init__(self, browser: Any, path: Path, scheme: str) -> None:
        self.complaints: list[str] = []
        self.context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 800})
        self.page = self.context.new_page()
        self.page.set_default_timeout(120_000)
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.complaints.append(request.url))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready]", state="attached")
        assert self.complaints.pop(0) == path.as_uri()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def selected(self) -> str:
        return str(self.page.evaluate(SELECTED))

    def count(self, selector: str) -> int:
        return int(self.page.locator(selector).count())

    def text(self, selector: str) -> str:
        return str(self.page.locator(selector).inner_text())


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """A function that opens the page of a run; at the end, nothing was complained of and nothing asked for."""
    pages: list[Shown] = []

    def opened(run: Run, scheme: str = "light") -> Shown:
        path = tmp_path / f"{len(pages)}.html"
        path.write_bytes(html_page(run, default_findings(run)))
        pages.append(Shown(browser, path, scheme))
        return pages[-1]

    yield opened
    for shown in pages:
        assert shown.complaints == []
        shown.context.close()


@pytest.fixture(scope="module")
def demo() -> Run:
    return structure(read_run([DEMO]))


def test_the_keys_of_the_tree(opened: Any, demo: Run) -> None:
    shown = opened(demo)
    assert shown.count(".row") == ROWS
    assert shown.selected().startswith("run, refactoring, 11.5 s")
    shown.press("ArrowDown", "j")
    assert shown.selected() == "turn, turn 1, 3.85 s, $0.0087"
    shown.press("ArrowLeft")
    assert shown.count(".row") == ROWS - 4
    assert shown.page.get_attribute(".row[aria-selected=true]", "aria-expanded") == "false"
    shown.press("ArrowRight", "ArrowRight", "ArrowDown")
    assert shown.selected() == "agent, analysis_agent, shop/cart.py · sonnet-5-5, 1.21 s, $0.0019, TK101"
    assert "Three findings in shop/cart.py" in shown.text("#detail")
    assert "3 x analysis_agent were started together" in shown.text("#detail .about")
    shown.press("x")
    assert shown.selected().startswith("tool, analysis_agent")
    assert int(shown.page.get_attribute(".row[aria-selected=true]", "aria-level")) == 4
    shown.press("End")
    assert shown.selected().startswith("attempt, attempt 200")
    shown.press("x", "Home", "Enter")
    assert shown.page.evaluate("document.activeElement.id") == "detail"
    shown.press("Escape", "?")
    assert shown.page.evaluate("document.getElementById('help').open")
    shown.press("Escape")
    assert not shown.page.evaluate("document.getElementById('help').open")


def test_the_tree_is_told_to_a_screen_reader(opened: Any, demo: Run) -> None:
    shown = opened(demo)
    shown.press("ArrowDown", "ArrowDown")
    active = shown.page.get_attribute("#tree", "aria-activedescendant")
    assert shown.page.get_attribute(f"#{active}", "role") == "treeitem"
    assert shown.page.get_attribute(f"#{active}", "aria-selected") == "true"
    rows = shown.page.evaluate(
        "[...document.querySelectorAll('.row')].map(r => ['aria-level', 'aria-posinset', 'aria-setsize'].map(n => +r.getAttribute(n)))"
    )
    assert rows[:4] == [[1, 1, 1], [2, 1, 1], [3, 1, 4], [4, 1, 4]]
    assert [shown.page.get_attribute(f"#tab-{name}", "aria-selected") for name in ("timeline", "findings")] == [
        "true",
        "false",
    ]
    shown.page.focus("#tab-timeline")
    shown.press("ArrowLeft")
    assert shown.page.get_attribute("#tab-agents", "aria-selected") == "true"
    assert shown.page.evaluate("document.activeElement.id") == "tab-agents"
    unnamed = shown.page.evaluate(
        "[...document.querySelectorAll('button, input, select')].filter(e => !(e.textContent.trim() || e.getAttribute('aria-label'))).length"
    )
    assert unnamed == 0


def test_search_leads_to_names_and_content(opened: Any, demo: Run) -> None:
    shown = opened(demo)
    shown.press("/")
    shown.page.keyboard.type("COUPONS")
    shown.press("Enter")
    shown.page.locator("#hits", has_text="1 of").wait_for()
    first = shown.selected()
    shown.press("n")
    assert shown.text("#hits").startswith("2 of")
    assert shown.selected() != first
    shown.press("N")
    assert shown.selected() == first


def test_the_other_views(opened: Any, demo: Run) -> None:
    shown = opened(demo)
    shown.press("2")
    assert shown.count("#view-conversation .call") == 10
    shown.page.select_option("#view-conversation select", "refactor_agent")
    assert shown.count("#view-conversation .call") == 2
    shown.press("4")
    assert "refactor_agent" in shown.text("#view-agents table >> nth=0")
    shown.press("3")
    assert shown.count(".finding") == 3
    shown.page.locator(".finding button", has_text="As it could be").first.click()
    assert "2.71 s less" in shown.text("#tools")
    shown.press("w")
    assert "less" not in shown.text("#tools")


def test_playback_shows_the_run_as_it_stood(opened: Any, demo: Run) -> None:
    shown = opened(demo)
    shown.press(".")
    shown.press(".")
    early = shown.count(".row")
    assert early < ROWS
    assert "running" in shown.selected() or "run" in shown.selected()
    shown.page.evaluate(
        "(() => { const s = document.querySelector('#player input'); s.value = 5000; s.dispatchEvent(new Event('input')); })()"
    )
    middle = shown.count(".row")
    assert early < middle < ROWS
    assert "4.98 s / 9.97 s" in shown.text("#player .clock")
    cost = shown.page.locator(".row >> nth=0").locator(".cost").inner_text()
    assert 0 < float(cost.removeprefix("$")) < (demo.root.cost_usd or 0)
    shown.page.select_option("#player select", "100")
    shown.press(" ")
    shown.page.locator("#player button", has_text="Pause").wait_for()
    shown.page.locator("#player button", has_text="Play").wait_for()
    assert shown.count(".row") == ROWS
    assert "9.97 s / 9.97 s" in shown.text("#player .clock")


def test_nothing_of_a_run_is_more_than_text(opened: Any) -> None:
    shown = opened(markup_run())
    for key in ("x", "2", "3", "4", "1", "c"):
        shown.press(key)
    shown.press("Home")
    for _ in range(len(MARKUP) * 3):
        shown.press("ArrowDown")
    assert shown.page.evaluate("window.evil") is None
    assert shown.count("script") == 2
    assert shown.count("img, a, iframe, link, object, base, form") == 0
    assert "<script>window.evil = 1</script>" in shown.text("#head h1")
    shown.press("2")
    assert "window.evil = 4" in shown.text("#view-conversation")
    # A script that got in would not run.
    with shown.page.expect_console_message(lambda message: "TrustedScript" in message.text):
        added = "document.body.append(Object.assign(document.createElement('script'), { text: 'window.evil = 9' }))"
        assert (
            shown.page.evaluate(f"(() => {{ try {{ {added} }} catch (error) {{ return error.name; }} }})()")
            == "TypeError"
        )
    assert shown.page.evaluate("window.evil") is None
    assert all("TrustedScript" in each for each in shown.complaints)
    shown.complaints.clear()


def test_a_run_of_thousands_of_spans(opened: Any) -> None:
    run = wide_run()
    assert run.count() > 5_000
    shown = opened(run, "dark")
    assert shown.count(".row") == 9
    shown.press("x")
    assert 10 < shown.count(".row") < 80
    shown.press("End")
    assert shown.selected().startswith("attempt")
    assert shown.count(".row") < 80
    shown.press("x", "Home", "ArrowDown", "ArrowDown", "ArrowRight")
    assert "103 spans that are alike" in shown.text("#detail")
    assert shown.count(".row") < 80


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_read(opened: Any, demo: Run, scheme: str) -> None:
    """Every text has a contrast of 4.5 to its background, as WCAG asks for."""
    shown = opened(demo, scheme)
    shown.press("ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown")
    assert shown.page.evaluate(CONTRASTS) == []
    shown.press("3")
    assert shown.page.evaluate(CONTRASTS) == []


CONTRASTS = """(() => {
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const back = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor;
      if (!/rgba\\(.*, 0\\)|transparent/.test(color)) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const weak = new Set();
  for (const element of document.querySelectorAll('body *')) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!text || !element.checkVisibility() || ['SCRIPT', 'STYLE', 'NOSCRIPT'].includes(element.tagName)) continue;
    const [one, other] = [light(getComputedStyle(element).color), light(back(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) weak.add(`${element.tagName}.${element.className}: ${contrast.toFixed(2)}`);
  }
  return [...weak];
})()"""

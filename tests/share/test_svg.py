"""The timeline as a picture: well-formed XML, a row for each row of the run, and text as text."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.support.sharing import markup_run, wide_run
from tracekit.analysis.structure import structure
from tracekit.journal.reader import read_run
from tracekit.model.tree import Run
from tracekit.rules.default import default_findings
from tracekit.share.rows import rows_of
from tracekit.share.svg import svg

FIXTURES = sorted((Path(__file__).parents[2] / "fixtures" / "runs").glob("*.jsonl"))
NAMES = {
    "{http://www.w3.org/2000/svg}" + name
    for name in ("svg", "g", "rect", "circle", "text", "tspan", "title", "desc", "style")
}


def drawn(run: Run, **more: int) -> ET.Element:
    root = ET.fromstring(svg(run, default_findings(run), **more))
    assert {element.tag for element in root.iter()} <= NAMES
    assert not any(name.startswith("on") or "href" in name for element in root.iter() for name in element.attrib)
    return root


def groups_of(root: ET.Element) -> list[ET.Element]:
    return root.findall("{http://www.w3.org/2000/svg}g")


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_row_for_each_row_within_the_picture(path: Path) -> None:
    run = structure(read_run([path]))
    root = drawn(run)
    rows = list(rows_of(run))
    assert len(groups_of(root)) == len(rows)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for element in root.iter("{http://www.w3.org/2000/svg}rect"):
        x, y = float(element.get("x", 0)), float(element.get("y", 0))
        assert 0 <= x <= x + float(element.attrib["width"]) <= width
        assert 0 <= y <= y + float(element.attrib["height"]) <= height


def test_bars_that_overlap_in_time_overlap_in_the_picture() -> None:
    path = next(path for path in FIXTURES if path.stem == "guide-async")
    root = drawn(structure(read_run([path])))
    spans = []
    for group in groups_of(root):
        text = "".join(group.itertext())
        if "analysis_agent" in text:
            bars = [each for each in group.iter("{http://www.w3.org/2000/svg}rect") if each.get("height") == "12"]
            spans.append((float(bars[0].attrib["x"]), float(bars[0].attrib["x"]) + float(bars[0].attrib["width"])))
    assert len(spans) == 3
    assert max(begin for begin, _ in spans) < min(end for _, end in spans)


def test_hostile_names() -> None:
    root = drawn(markup_run())
    assert "<script>window.evil = 1</script>" in "".join(root.itertext())


def test_more_rows_than_a_picture_takes() -> None:
    root = drawn(wide_run(3), most_rows=4)
    assert len(groups_of(root)) == 4
    assert "and more rows than these 4" in "".join(root.itertext())

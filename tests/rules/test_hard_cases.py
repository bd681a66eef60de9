"""Every hard case: what must be found is, and what depends on something is left alone."""

from __future__ import annotations

import pytest

from fixtures.rules.labelled import CAREFUL, HITS, SILENT
from fixtures.rules.story import Story
from fixtures.rules.telling import codes, run_of
from tests.support.build import Builder, said, user
from tracekit.analysis.structure import structure
from tracekit.rules import findings_of
from tracekit.rules.check import Options


@pytest.mark.parametrize("story", HITS, ids=lambda story: story.name)
def test_it_is_found(story: Story) -> None:
    assert set(codes(findings_of(run_of(story)))) == story.hits


@pytest.mark.parametrize("story", SILENT, ids=lambda story: story.name)
def test_it_stays_silent(story: Story) -> None:
    said = [(finding.code, finding.confidence, finding.message) for finding in findings_of(run_of(story))]
    # Calls of the program's own that stand in a row may well be able to run together.
    assert [each for each in said if not (story.talk and each[:2] == ("TK106", "possible"))] == []


@pytest.mark.parametrize("story", CAREFUL, ids=lambda story: story.name)
def test_nothing_is_said_surely_of_it(story: Story) -> None:
    assert codes(findings_of(run_of(story))) == []


@pytest.mark.parametrize(("tool", "confidence"), [("deploy", "possible"), ("read_log", "likely")])
def test_agents_with_a_tool_between_them(tool: str, confidence: str) -> None:
    build = Builder()
    build.span("root", "run", 0, 3000)
    for number, region in enumerate(("north", "south", "west")):
        begin = number * 1000
        build.tool(f"tool{number}", tool, begin, begin + 10, "root", arguments={"region": region})
        build.agent(f"agent{number}", begin + 20, begin + 990, "root", name="health_agent")
        asked = [user(f"Look at the dashboards of {region}.")]
        build.call(f"call{number}", begin + 20, begin + 990, asked, [said("Healthy.")], parent=f"agent{number}")
    (finding,) = findings_of(structure(build.recording()), Options(select=("TK106",)))
    assert finding.confidence == confidence

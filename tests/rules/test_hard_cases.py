"""Every hard case: what must be found is, and what depends on something is left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures.rules.labelled import CAREFUL, HITS, SILENT
from fixtures.rules.story import Story
from fixtures.rules.telling import codes, run_of
from tests.support.build import Builder, said, user
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.rules import findings_of
from tracekit.rules.check import Options

DEPENDENCE = ("TK102", "TK103", "TK106")
"""Rules whose findings rest on that no dependence was seen."""


@pytest.mark.parametrize("story", HITS, ids=lambda story: story.name)
def test_it_is_found(story: Story) -> None:
    findings = findings_of(run_of(story))
    assert story.hits <= set(codes(findings, "certain", "likely", "possible"))
    assert set(codes(findings)) <= story.hits


@pytest.mark.parametrize("story", SILENT, ids=lambda story: story.name)
def test_it_stays_silent(story: Story) -> None:
    findings = findings_of(run_of(story))
    # No dependence may be seen where there is one: that is possible, and never more.
    assert [each for each in findings if each.confidence != "possible" or each.code not in DEPENDENCE] == []


@pytest.mark.parametrize("story", CAREFUL, ids=lambda story: story.name)
def test_nothing_is_said_surely_of_it(story: Story) -> None:
    assert codes(findings_of(run_of(story))) == []


@pytest.mark.parametrize(("declared", "confidence"), [(None, "possible"), ([], "likely")])
def test_agents_with_a_tool_between_them(declared: list[str] | None, confidence: str) -> None:
    build = Builder()
    build.span("root", "run", 0, 3000)
    effects = {} if declared is None else {semconv.DECLARED_READS: declared, semconv.DECLARED_WRITES: declared}
    for number, region in enumerate(("north", "south", "west")):
        begin = number * 1000
        build.tool(
            f"tool{number}", "read_log", begin, begin + 10, "root", arguments={"region": region}, effects=effects
        )
        build.agent(f"agent{number}", begin + 20, begin + 990, "root", name="health_agent")
        nothing: dict[str, list[str]] = {semconv.DECLARED_READS: [], semconv.DECLARED_WRITES: []}
        agent = build.spans[f"agent{number}"]
        build.spans[agent.id] = replace(agent, attributes={**agent.attributes, **nothing})
        asked = [user(f"Look at the dashboards of {region}.")]
        build.call(f"call{number}", begin + 20, begin + 990, asked, [said("Healthy.")], parent=f"agent{number}")
    (finding,) = findings_of(structure(build.recording()), Options(select=("TK106",)))
    assert finding.confidence == confidence

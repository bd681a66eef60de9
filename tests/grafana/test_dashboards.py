"""The dashboards: JSON as the code says it, queries that Tempo answers, names that exist, panels that fit."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
import yaml

from grafana.dashboards import FOLDER, as_json, dashboards
from tests.support.traceql import Query, parse
from tracekit import semconv

LOADED: dict[str, dict[str, Any]] = {path.name: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}
TRACE = "traces"
PANELS = [pytest.param(panel, id=f"{name}: {panel['title']}") for name in LOADED for panel in LOADED[name]["panels"]]
NAMES = {value for value in vars(semconv).values() if isinstance(value, str)}
FIXED_COLUMNS = {"Start time", "Duration", "traceIdHidden", "Trace Service", "Trace Name"}


def query_of(panel: dict[str, Any]) -> Query:
    (target,) = panel["targets"]
    return parse(target["query"].replace("${trace}", "5f"))


def test_the_json_is_what_the_code_says() -> None:
    written = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    assert written == {name: as_json(each) for name, each in dashboards().items()}, "run: python -m grafana.dashboards"


@pytest.mark.parametrize("panel", PANELS)
def test_every_query_has_a_known_form_and_names_known_attributes(panel: dict[str, Any]) -> None:
    (target,) = panel["targets"]
    assert target["queryType"] == "traceql"
    if panel["type"] == TRACE:
        assert target["query"] == "${trace}"
        return
    query = query_of(panel)
    named = {field.removeprefix("span.") for field in query.fields if field.startswith("span.")}
    assert named
    assert named <= NAMES
    # Grafana tells a metric from a search by the query, and asks Tempo for a table only in a search.
    is_metric = query.function.endswith("_over_time")
    assert ("metricsQueryType" in target, "tableType" in target) == (is_metric, not is_metric)


@pytest.mark.parametrize("panel", PANELS)
def test_what_a_panel_says_of_its_columns_is_in_its_query(panel: dict[str, Any]) -> None:
    if panel["type"] == TRACE:
        assert not panel.get("transformations")
        return
    query = query_of(panel)
    selected = {field.removeprefix("span.") for field in query.of} if panel["type"] == "table" else set()
    renamed: dict[str, str] = {}
    for transformation in panel.get("transformations", []):
        options = transformation["options"]
        if transformation["id"] == "convertFieldType":
            assert {each["targetField"] for each in options["conversions"]} <= selected
        else:
            renamed = options["renameByName"]
            assert options["indexByName"].keys() == renamed.keys()
            assert {*renamed, *options["excludeByName"]} == selected | FIXED_COLUMNS
    named = [
        each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"] if each["matcher"]["id"] == "byName"
    ]
    assert {*named} <= ({*renamed.values()} if renamed else {"traceID"})
    labels = re.findall(r'labels\["([^"]+)"\]', json.dumps(panel["fieldConfig"]).replace('\\"', '"'))
    assert labels == ([query.by] if labels else [])


@pytest.mark.parametrize("name", LOADED)
def test_panels_have_ids_and_lie_beside_one_another(name: str) -> None:
    panels = LOADED[name]["panels"]
    assert [panel["id"] for panel in panels] == [*range(1, len(panels) + 1)]
    for panel in panels:
        place = panel["gridPos"]
        assert place["w"] > 0
        assert place["h"] > 0
        assert place["x"] + place["w"] <= 24
    for one, other in itertools.combinations((panel["gridPos"] for panel in panels), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"], (one, other)


@pytest.mark.parametrize("panel", PANELS)
def test_every_data_source_is_provisioned(panel: dict[str, Any]) -> None:
    provisioned = yaml.safe_load((FOLDER.parent / "provisioning/datasources/traces.yaml").read_text("utf-8"))
    known = [{"uid": each["uid"], "type": each["type"]} for each in provisioned["datasources"]]
    assert panel["datasource"] in known
    assert not [target for target in panel["targets"] if "datasource" in target]


def test_the_runs_table_opens_the_run_dashboard_with_the_trace() -> None:
    links = re.findall(r'"url": "(/d/[^"]+)"', json.dumps(LOADED["overview.json"]))
    run = LOADED["run.json"]
    (variable,) = run["templating"]["list"]
    assert links == [f"/d/{run['uid']}/{run['uid']}?var-{variable['name']}=${{__value.raw}}&${{__url_time_range}}"]


@pytest.mark.parametrize(
    "query",
    [
        "{ span.gen_ai.operation.name = chat }",
        "{ span.gen_ai.operation.name == 1 }",
        "{ gen_ai.operation.name = 1 }",
        '{ status = "error" && span.a = 1 || span.b = 2 }',
        "{ span.a = 1 } > > { span.b = 2 }",
        "{ span.a = 1 } | count()",
        "{ span.a = 1 } | count_over_time(span.a)",
        "{ span.a = 1 } | sum_over_time()",
        "{ span.a = 1 } | sum_over_time(span.x) by (span.a)",
        "{ span.x != nil } >> { span.a = 1 } | sum_over_time(span.x)",
        "{ span.a = 1 } | quantile_over_time(duration, 95)",
        "{ span.a = 1 } | select()",
        "{ span.a = 1 } | select(span.a, )",
        "{ span.a = 1 ",
        "{}",
    ],
)
def test_the_check_refuses_what_is_no_known_form(query: str) -> None:
    with pytest.raises(ValueError, match=r"^(not a query|no (set of spans|condition|stage)|the sum is empty)"):
        parse(query)


@pytest.mark.parametrize(
    "query",
    [
        '{ span.gen_ai.operation.name = "chat" && span.x > 1000 } | select(span.gen_ai.usage.output_tokens)',
        '{ resource.service.name = "x" && status = error }',
        "{ span.x != nil } | sum_over_time(span.x) by (span.y)",
        "{ span.x != nil } | quantile_over_time(duration, .95) by (span.gen_ai.request.model)",
    ],
)
def test_the_check_takes_what_a_real_tempo_answered(query: str) -> None:
    assert parse(query).fields

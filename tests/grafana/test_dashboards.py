"""The dashboards: files as the code says it, queries that Tempo answers, names that exist, panels that fit."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest

from grafana.dashboards import FOLDER, written
from tests.support.traceql import Query, parse
from tracekit import semconv

LOADED: dict[str, dict[str, Any]] = {path.name: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}
ABOUT_TRACES = ("overview.json", "run.json")
TRACE, TEXT = "traces", "text"
PANELS = [
    pytest.param(panel, id=f"{name}: {panel.get('title', TEXT)}")
    for name in ABOUT_TRACES
    for panel in LOADED[name]["panels"]
    if panel["type"] != TEXT
]
NAMES = {value for value in vars(semconv).values() if isinstance(value, str)}
SHOWN = {"Start time", "Duration"}
HIDDEN = {"traceIdHidden", "Trace Service", "Trace Name", "status", "by(span:id)", semconv.KIND, semconv.RUN_ID}
"""What a search for spans answers beside what it selects: of the trace, of the query's conditions, of its sets."""


def query_of(panel: dict[str, Any]) -> Query:
    (target,) = panel["targets"]
    return parse(target["query"].replace("${run}", "5f"))


def test_the_files_are_what_the_code_says() -> None:
    files = {str(path.relative_to(FOLDER)): path.read_text("utf-8") for path in FOLDER.rglob("*.*") if path.is_file()}
    assert files == written(), "run: python -m grafana.dashboards"


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
def test_no_query_needs_a_trace_as_a_whole_or_counts_what_is_not_ours(panel: dict[str, Any]) -> None:
    if panel["type"] == TRACE:
        return
    query = query_of(panel)
    assert not query.relation
    assert "nestedSetParent" not in query.fields
    assert {f"span.{semconv.KIND}", f"span.{semconv.RUN_ID}"} & query.fields
    if query.function == "select":
        assert query.each


@pytest.mark.parametrize("panel", PANELS)
def test_what_a_panel_says_of_its_columns_is_in_its_query(panel: dict[str, Any]) -> None:
    if panel["type"] == TRACE:
        assert not panel.get("transformations")
        return
    query = query_of(panel)
    selected = {field.removeprefix("span.") for field in query.of} if query.function == "select" else set()
    of_series = {"Field", "Last *", *query.by} if panel["type"] == "table" and query.by else set()
    renamed: dict[str, str] = {}
    for transformation in panel.get("transformations", []):
        options = transformation["options"]
        match transformation["id"]:
            case "convertFieldType":
                assert {each["targetField"] for each in options["conversions"]} <= selected
            case "reduce":
                assert options["reducers"] == ["lastNotNull"]
                assert options.get("labelsToFields", False) == bool(of_series)
            case _:
                renamed = options["renameByName"]
                assert options["indexByName"].keys() == renamed.keys()
                assert {*renamed, *options["excludeByName"]} == (of_series or selected | SHOWN | HIDDEN)
    named = [
        each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"] if each["matcher"]["id"] == "byName"
    ]
    assert {*named} <= ({*renamed.values()} if renamed else {"traceID"})
    labels = re.findall(r'labels\["([^"]+)"\]', json.dumps(panel["fieldConfig"]).replace('\\"', '"'))
    assert labels == ([*query.by] if labels else [])


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


@pytest.mark.parametrize("name", LOADED)
def test_every_panel_asks_the_data_source_that_the_user_chooses(name: str) -> None:
    dashboard = LOADED[name]
    first, *others = dashboard["templating"]["list"]
    source = "prometheus" if name == "metrics.json" else "tempo"
    assert (first["type"], first["name"], first["query"]) == ("datasource", "datasource", source)
    chosen = {"type": source, "uid": "${datasource}"}
    assert [each["datasource"] for each in others if each["type"] == "query"] in ([], [chosen])
    for panel in dashboard["panels"]:
        assert (panel.get("datasource") == chosen) == (panel["type"] != TEXT)
        assert not [target for target in panel.get("targets", []) if "datasource" in target]


@pytest.mark.parametrize("name", LOADED)
def test_a_dashboard_asks_again_and_says_how_late_it_is(name: str) -> None:
    dashboard = LOADED[name]
    assert dashboard["refresh"] == "30s"
    note = dashboard["panels"][0]
    assert note["type"] == TEXT
    assert "minute" in note["options"]["content"]


def test_a_run_and_its_trace_are_opened_by_variables_that_exist() -> None:
    run = LOADED["run.json"]
    variables = {each["name"] for each in run["templating"]["list"]}
    links = re.findall(r'"url": "/d/([^"]+)"', json.dumps([LOADED[name] for name in ABOUT_TRACES]))
    assert len(links) == 3
    for link in links:
        path, _, query = link.partition("?")
        assert path == f"{run['uid']}/{run['uid']}"
        assert re.findall(r"var-(\w+)=", query) == ["run", "trace"]
        assert query.endswith("&${datasource:queryparam}&${__url_time_range}")
    assert variables == {"datasource", "run", "trace"}
    assert "tracekit show ${run}" in run["panels"][0]["options"]["content"]


@pytest.mark.parametrize(
    "query",
    [
        "{ span.gen_ai.operation.name = chat }",
        "{ span.gen_ai.operation.name == 1 }",
        "{ gen_ai.operation.name = 1 }",
        '{ status = "error" && span.a = 1 || span.b = 2 }',
        "{ span.a = 1 || span.b = 2 }",
        "{ span.a = 1 } | avg_over_time(span.a)",
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
        "{ span.x != nil && (status = error || span.y > 1) } | by(span:id) | select(span.y)",
        "{ span.x != nil } | max_over_time(duration) by (span.x, span.y) | topk(50)",
        "{ span.x != nil } | quantile_over_time(duration, .95) by (span.gen_ai.request.model)",
    ],
)
def test_the_check_takes_what_a_real_tempo_answered(query: str) -> None:
    assert parse(query).fields

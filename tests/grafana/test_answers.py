"""The panels' queries, answered from spans that real programs export: each number is that of `tracekit sql`.

The spans are cut into pieces as Tempo cuts traces, since a run that is long, killed or part of another program's trace
never comes as a whole.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.cli import environment
from tests.support.collector import Collector, Received, collector
from tests.support.panels import OVERVIEW, PROGRAM, RUN, differing, queries, recorded, respond
from tests.support.traceql import Groups, Query, Trace, listed, matching, parse, pieces, result
from tests.support.waiting import LONG_S
from tests.support.warm import warm_python
from tracekit import semconv
from tracekit.demo.claude import ScriptedClaude

REMOTE = "0af7651916cd43dd8448eb211c80319c"
SPANS, SPANS_OF_KILLED, SPANS_BESIDE = 26, 14, 7
"""How many spans a run has, how many of them have ended where ``killed`` waits, and how many another adds."""


@dataclass
class Sent:
    """The record of a program, the spans that it sent, and the pieces that Tempo makes of them."""

    env: dict[str, str]
    spans: list[Received]
    pieces: list[Trace]


def perform(home: Path, how: str, *lengths: int, spans: int, **more: str) -> Sent:
    """Let the program make runs that export so many `spans`; where it waits for its end, it is killed then."""
    with collector() as found, ScriptedClaude(respond) as claude:
        fast = {"OTEL_BSP_SCHEDULE_DELAY": "100"}
        env = environment(home, claude.url, **found.variables("http/protobuf"), **fast, **more)
        command = [warm_python(), str(PROGRAM), how, *map(str, lengths)]
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            if how == "killed":
                assert process.stdout is not None
                assert process.stdout.readline() == "waiting\n"
                kill(process, found, spans)
            _, said = process.communicate(timeout=LONG_S)
        assert process.returncode == (-9 if how == "killed" else 0), said
        assert "tracekit:" not in said
        received = found.received(spans)
    return Sent(env, received, pieces(received))


def kill(process: subprocess.Popen[str], found: Collector, spans: int) -> None:
    """End `process` without a chance to do anything, once all that has ended in it has come."""
    found.received(spans)
    process.kill()


@pytest.fixture(scope="module")
def lengths(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    return perform(tmp_path_factory.mktemp("lengths"), "plain", 10, 75, 181, spans=3 * SPANS)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    return perform(tmp_path_factory.mktemp("killed"), "killed", 75, spans=SPANS_OF_KILLED)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    parent = f"00-{REMOTE}-b7ad6b7169203331-01"
    return perform(tmp_path_factory.mktemp("foreign"), "plain", 75, spans=SPANS, TRACEPARENT=parent)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    return perform(tmp_path_factory.mktemp("own"), "own", 75, spans=SPANS)


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    return perform(tmp_path_factory.mktemp("beside"), "beside", 75, spans=SPANS + SPANS_BESIDE)


def shown(query: Query, traces: list[Trace]) -> Groups:
    """Return what a panel shows: the number of rows of a list; and no number where there are none."""
    if query.function in ("", "select"):
        found = len(listed(query, traces))
        return {None: found} if found else {}
    answer = result(query, traces)
    if query.by == (f"span.{semconv.RUN_ID}",):
        return {None: len(answer)}
    # Numbers become labels, and the labels of a run are its id and its name.
    return {
        " ".join(key) if isinstance(key, tuple) else key if key is None else str(key): answer[key] for key in answer
    }


def answered(asked: dict[str, str], expected: dict[str, Groups], traces: list[Trace]) -> dict[str, Groups]:
    """Return what each of the `expected` panels shows."""
    return {title: shown(parse(asked[title]), traces) for title in expected}


KINDS = ("lengths", "killed", "foreign", "own", "beside")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_the_overview_shows_what_the_record_has(kind: str, request: pytest.FixtureRequest) -> None:
    sent: Sent = request.getfixturevalue(kind)
    expected = recorded(OVERVIEW, sent.env)
    asked = queries("overview.json")
    if kind == "killed":
        # Nothing that has ended says how long it went on.
        expected.pop("Longest runs (the first 50)")
    assert expected["Retries"]
    assert expected["Failed tools"]
    assert differing(answered(asked, expected, sent.pieces), expected) == {}
    quantiles = "Time of a call by model: quantiles"
    assert asked.keys() - expected.keys() <= {quantiles, "Longest runs (the first 50)"}
    assert len(matching(parse(asked[quantiles]), sent.pieces)) == expected["Calls of the model"][None]


@pytest.mark.parametrize("kind", KINDS)
def test_each_run_shows_what_its_record_has(kind: str, request: pytest.FixtureRequest) -> None:
    sent: Sent = request.getfixturevalue(kind)
    runs = {str(span.attributes[semconv.RUN_ID]) for span in sent.spans if semconv.RUN_ID in span.attributes}
    assert len(runs) == (3 if kind == "lengths" else 1)
    for run in runs:
        expected = recorded(RUN, sent.env, run)
        asked = queries("run.json", run=run, trace="5f")
        assert expected["Retries"] == {None: 3}
        assert differing(answered(asked, expected, sent.pieces), expected) == {}
        assert asked.keys() - expected.keys() == {"Traces of this run", "Trace"}
        traces = {span.trace for span in listed(parse(asked["Traces of this run"]), sent.pieces)}
        assert traces == {span.trace for span in sent.spans if span.attributes.get(semconv.RUN_ID) == run}
    nobody = queries("run.json", run="5f")
    assert all(shown(parse(nobody[title]), sent.pieces) == {} for title in RUN)


def test_a_run_is_one_piece_only_if_it_is_short(lengths: Sent, killed: Sent, foreign: Sent) -> None:
    by_name = {span.attributes[semconv.RUN_NAME]: span.trace for span in lengths.spans}
    count = {name: sum(piece.spans[0].trace == trace for piece in lengths.pieces) for name, trace in by_name.items()}
    assert count["run of 10 s"] == 1
    assert count["run of 75 s"] > 5
    assert count["run of 181 s"] > 5
    assert not [span for span in killed.spans if not span.parent]
    assert {span.trace for span in foreign.spans} == {REMOTE}


def test_a_list_without_a_set_for_each_span_has_one_piece(lengths: Sent) -> None:
    calls = '{ span.tracekit.run.name = "run of 181 s" && span.tracekit.kind = "llm" }'
    whole = len(matching(parse(calls), lengths.pieces))
    assert len(listed(parse(f"{calls} | select(name)"), lengths.pieces)) < whole
    assert len(listed(parse(f"{calls} | by(span:id) | select(name)"), lengths.pieces)) == whole


@pytest.mark.parametrize(
    "query",
    [
        '{ nestedSetParent < 0 } >> { span.tracekit.kind = "llm" } | count_over_time()',
        '{ span.tracekit.kind = "llm" } << { nestedSetParent < 0 } | count_over_time()',
        '{ span.tracekit.kind = "llm" } >> { span.http.request.resend_count > 0 } | count_over_time()',
    ],
)
def test_structure_is_seen_only_in_the_piece_with_the_root(
    query: str, lengths: Sent, killed: Sent, foreign: Sent
) -> None:
    trace = next(span.trace for span in lengths.spans if span.attributes[semconv.RUN_NAME] == "run of 10 s")
    short = [piece for piece in lengths.pieces if piece.spans[0].trace == trace]
    whole = [Trace(lengths.spans)]
    per_run = result(parse(query), short)[None]
    assert per_run > 0
    assert result(parse(query), lengths.pieces)[None] < result(parse(query), whole)[None] == 3 * per_run
    assert result(parse(query), killed.pieces) == {}
    assert result(parse(query), foreign.pieces) == {}

"""With every version of the SDK and of OpenTelemetry that is supported the record is the same, and is replayed."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import environment, nodes
from tests.support.every_way import PROGRAM, Outcome, answer, run_program
from tests.support.waiting import LONG_S
from tests.versions.environments import LOWEST, VERSIONS, Version
from tracekit import semconv
from tracekit.demo.claude import ScriptedClaude
from tracekit.instrument.sdk.points import SUPPORTED

pytestmark = [pytest.mark.versions, pytest.mark.timeout(300)]

EDGES = Path(__file__).with_name("edges.py")
PROJECT = Path(__file__).parents[2] / "pyproject.toml"


@pytest.fixture(params=VERSIONS, ids=[version.name for version in VERSIONS])
def version(request: pytest.FixtureRequest) -> Version:
    built: Version = request.param
    if not built.is_built:
        pytest.skip(f"the environment {built.name} is not built: run .ci/versions --build --only {built.name}")
    return built


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The program with the versions of this environment."""
    return run_program(Path(sys.executable), "none", "before", tmp_path_factory.mktemp("known"))


SAME = ("kind", "agent", "model", "status", "retries", "tokens", "inferred")
ATTRIBUTES = {
    "llm": ("error.type", "anthropic.message.stop_reason", "gen_ai.request.max_tokens", "gen_ai.response.id"),
    "attempt": ("error.type", "http.response.status_code", "tracekit.attempt.wait_ms"),
}


def lines(node: dict[str, Any], depth: int = 0) -> list[str]:
    """Return the values of `node` and the nodes below it that every version must have, a line for each."""
    told = {name: node.get(name) for name in SAME}
    told["name"] = node["name"]
    if "count_tokens" in node["name"]:
        # Only an SDK with spans of its own says more of a call that sends no message.
        told |= {"name": "count_tokens", "model": None}
    told |= {name: node["attributes"].get(name) for name in ATTRIBUTES.get(node["kind"], ())}
    told["is_streamed"] = "gen_ai.response.time_to_first_chunk" in node["attributes"]
    line = f"{'  ' * depth}{json.dumps(told, sort_keys=True)}"
    return [line, *(below for child in node["children"] for below in lines(child, depth + 1))]


def test_record_is_the_same(version: Version, known: Outcome, tmp_path: Path) -> None:
    found = run_program(version.python, "none", "before", tmp_path)
    assert lines(found.shown["root"]) == lines(known.shown["root"])
    assert found.shown["run"]["tokens"] == known.shown["run"]["tokens"]
    assert found.runs == 1
    # The application's provider exports each call once, with its tokens.
    assert exported_calls(found) == len(nodes(found.shown["root"], "llm")) == found.told["calls"]


def exported_calls(outcome: Outcome) -> int:
    """Return the number of LLM spans that the application's exporter got from the SDK or from tracekit."""
    return sum(
        (scope == semconv.TRACEKIT_SCOPE and name.startswith("chat "))
        or (scope.startswith(semconv.SDK_SCOPE_PREFIX) and name == "anthropic.messages.create")
        for scope, name in outcome.told["spans"]
    )


def run(version: Version, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [str(version.python), "-m", "tracekit", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=env, timeout=LONG_S)


@pytest.mark.parametrize("program", [(str(PROGRAM), "none", "before"), (str(EDGES),)], ids=["every way", "edges"])
def test_replay_follows_and_reaches_nobody(version: Version, program: tuple[str, ...], tmp_path: Path) -> None:
    command = ("--", str(version.python), "-W", "ignore", *program)
    with ScriptedClaude(answer) as claude:
        env = environment(tmp_path, claude.url)
        recorded = run(version, "run", *command, env={**env, "CLOUD_CREDENTIALS": "1"})
        assert recorded.returncode == 0, recorded.stderr
        asked = len(claude.asked)
        assert asked
        replayed = run(version, "replay", "last", "--format", "json", *command, env=env)
        assert replayed.returncode == 0, replayed.stdout + replayed.stderr
        assert json.loads(replayed.stdout)["replay"] == "followed"
        if program[0] == str(EDGES):
            # The program saw the same: its output goes to stderr here.
            assert recorded.stdout in replayed.stderr
        assert len(claude.asked) == asked


def test_no_second_llm_span_beside_an_instrumentation(known: Outcome, tmp_path: Path) -> None:
    """tracekit exports no span for a call of an SDK without spans if another instrumentation does."""
    version = next(version for version in VERSIONS if version.name == "sdk-1.13")
    if not version.is_built:
        pytest.skip("the environment sdk-1.13 is not built: run .ci/versions --build --only sdk-1.13")
    beside = run_program(version.python, "openinference", "before", tmp_path)
    assert lines(beside.shown["root"]) == lines(known.shown["root"])
    assert any(scope.startswith("openinference") for scope, _ in beside.told["spans"])
    # It tells of no call that returns the raw response, nor of one that streams that.
    assert exported_calls(beside) == 2


def test_bounds_are_those_that_are_tested() -> None:
    """The lower bounds of pyproject.toml are the versions of the environment `LOWEST`."""
    dependencies = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    assert SUPPORTED in dependencies
    bounds = {name: bound for each in dependencies for name, bound in re.findall(r"^([\w-]+)>=([\d.]+)", each)}
    pinned = dict(re.sub(r"\[.*?\]", "", each).split("==") for each in LOWEST.requirements)
    ours = [name for name in bounds if name == "anthropic" or name.startswith("opentelemetry")]
    assert len(ours) == 4
    assert {name: f"{bounds[name]}.0" for name in ours} == {name: pinned[name] for name in ours}


def test_doctor_names_versions_and_points(version: Version, tmp_path: Path) -> None:
    done = run(version, "doctor", "--format", "json", env=environment(tmp_path))
    assert done.returncode == 0, done.stderr
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    (sdk,) = [each.split("==")[1] for each in version.requirements if each.startswith("anthropic")]
    assert checks["anthropic"]["ok"]
    assert checks["anthropic"]["says"].startswith(f"{sdk}, ")
    assert "BaseClient._build_request" in checks["anthropic"]["says"]
    (api,) = [each.split("==")[1] for each in version.requirements if each.startswith("opentelemetry-api")]
    assert f"opentelemetry-api {api}" in checks["OpenTelemetry"]["says"]
    if version.name == "sdk-1.13":
        assert "openinference-instrumentation-anthropic 3.1.0" in checks["other LLM spans"]["says"]

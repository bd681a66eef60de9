"""The private points of the SDK that tracekit hooks into: a moved point is reported, and callers still run."""

import logging
import sys
import types
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic import _base_client

import tracekit
from tests.support.calling import ANSWER, QUESTION, USAGE, in_turn
from tests.support.recording import recordings, spans, the_run
from tracekit.cli.libraries import library_checks
from tracekit.demo.claude import ScriptedClaude, error
from tracekit.errors import UnsupportedSdkError
from tracekit.instrument.sdk import points, seam

NAMES = [f"{owner}.{attribute}" for owner, attribute, _ in points.TRACING.points]


def sdk_of(generation: points.Generation) -> Any:
    """A module with the points of `generation`, and no other."""
    classes: dict[str, dict[str, Any]] = {"BaseClient": {}, "SyncAPIClient": {}, "AsyncAPIClient": {}}
    for owner, attribute, parameters in generation.points:
        scope: dict[str, Any] = {}
        exec(f"def point(self, {', '.join(parameters)}): pass", scope)
        classes[owner][attribute] = scope["point"]
    return types.SimpleNamespace(**{name: type(name, (), methods) for name, methods in classes.items()})


@pytest.mark.parametrize("generation", points.GENERATIONS)
def test_generation_is_known_by_its_points(generation: points.Generation) -> None:
    module = sdk_of(generation)
    assert points.generation_of(module) is generation
    assert points.missing(module) == []


@pytest.mark.parametrize("generation", points.GENERATIONS)
def test_point_of_each_generation_that_is_gone_is_named(generation: points.Generation) -> None:
    for owner, attribute, _ in generation.points:
        module = sdk_of(generation)
        delattr(getattr(module, owner), attribute)
        if points.generation_of(module) is generation:
            assert points.missing(module) == [f"{owner}.{attribute}"]
        else:
            # Without it, the SDK is taken for one of another generation, and lacks points of that.
            assert points.missing(module)
    assert points.generation_of(sdk_of(generation)) is generation


def without(name: str) -> Any:
    """The SDK's module, one of whose classes lacks a point."""
    owner, _, attribute = name.partition(".")
    kind = getattr(_base_client, owner)
    kept = {key: value for key, value in vars(kind).items() if key not in (attribute, "__dict__", "__weakref__")}
    return types.SimpleNamespace(**{**vars(_base_client), owner: type(owner, (), kept)})


def test_the_installed_sdk_has_every_point() -> None:
    assert points.missing(_base_client) == []


@pytest.mark.parametrize("name", NAMES)
def test_point_that_is_gone_is_named(name: str) -> None:
    module = without(name)
    assert points.missing(module) == [name]
    with pytest.raises(UnsupportedSdkError, match=rf"anthropic 9\.9 has no {name}.*pip install"):
        points.check(module, lambda: "9.9")
    with pytest.raises(UnsupportedSdkError):
        seam.hook(module)


def test_point_with_other_parameters_is_named() -> None:
    module = without("SyncAPIClient._attempt_request")
    module.SyncAPIClient._attempt_request = lambda self, request: None
    assert points.missing(module) == ["SyncAPIClient._attempt_request"]


def test_sdk_without_any_class() -> None:
    assert points.missing(types.ModuleType("anthropic._base_client")) == NAMES


def test_program_runs_with_an_sdk_that_moved_a_point(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(_base_client.AsyncAPIClient, "_attempt_request")
    tracekit.init()
    tracekit.init()
    overloaded = error(529, "overloaded_error", "Overloaded", {"retry-after-ms": "20"})
    with ScriptedClaude(in_turn(overloaded, ANSWER)) as claude, client_of(claude) as client:
        tracekit.wrap(client)
        with tracekit.agent("lead"):
            assert client.messages.create(**QUESTION).stop_reason == "end_turn"
    (warning,) = warnings(caplog)
    assert "AsyncAPIClient._attempt_request" in warning
    assert "pip install" in warning
    # It says so: each HTTP request is a call of its own.
    assert "each HTTP request of the SDK is recorded as a call of its own: a retry counts as a call" in warning
    calls = spans(the_run(), "llm")
    assert [call.status for call in calls] == ["error", "ok"]
    assert calls[1].attributes["gen_ai.usage.input_tokens"] == USAGE["gen_ai.usage.input_tokens"]


def test_client_of_an_sdk_that_moved_a_point_is_not_recorded_by_itself(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(_base_client.AsyncAPIClient, "_attempt_request")
    with ScriptedClaude(in_turn(ANSWER)) as claude, client_of(claude) as client:
        tracekit.wrap(client)
        client.messages.create(**QUESTION)
        assert recordings() == []
        tracekit.init()
        client.messages.create(**QUESTION)
    first, second = warnings(caplog)
    assert "tracekit.wrap() records nothing; tracekit.init() records each HTTP request" in first
    assert "wrap()" not in second
    assert len(spans(the_run(), "llm")) == 1


def test_doctor_says_how_an_sdk_that_moved_a_point_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(_base_client.AsyncAPIClient, "_attempt_request")
    check = library_checks()[0]
    assert (check.name, check.ok) == ("anthropic", False)
    assert "has no AsyncAPIClient._attempt_request" in check.says
    assert "each HTTP request is recorded as a call of its own" in check.says


def client_of(claude: ScriptedClaude) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=claude.url, api_key="key")


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the messages that tracekit logged, all of them warnings."""
    said = [record for record in caplog.records if record.name == "tracekit"]
    assert {record.levelno for record in said} <= {logging.WARNING}
    return [record.getMessage() for record in said]


def test_hooks_leave_nothing_behind(home: Path) -> None:
    before = {name: vars(getattr(_base_client, owner))[name] for owner, name, _ in points.TRACING.points}
    tracekit.init()
    assert vars(_base_client.BaseClient)["_tracer"] is not before["_tracer"]
    seam.unhook()
    assert {name: vars(getattr(_base_client, owner))[name] for owner, name, _ in points.TRACING.points} == before
    assert "anthropic" in sys.modules


def test_modules_that_swallow_exceptions_around_spans_have_the_logger_that_lets_them_out() -> None:
    from importlib import import_module

    from tracekit.instrument.sdk.swallowed import LOG, MODULES, PassingLog

    known = set(MODULES)
    package = import_module("anthropic.lib._tracing")
    assert all(isinstance(getattr(import_module(name), LOG), logging.Logger | PassingLog) for name in known)
    (folder,) = package.__path__
    swallowing = {
        f"{package.__name__}.{path.stem}"
        for path in Path(folder).glob("*.py")
        if "log.debug(" in path.read_text(encoding="utf-8")
    }
    assert swallowing <= known

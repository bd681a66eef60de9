"""Beside another instrumentation of the SDK the record is the same: one llm node a call, and nothing counted twice."""

from pathlib import Path

import pytest

from tests.peers.environments import PEERS, Peer
from tests.support.cli import nodes
from tests.support.every_way import record, run_program
from tracekit import semconv

pytestmark = pytest.mark.peers


@pytest.fixture(params=PEERS, ids=[peer.name for peer in PEERS])
def peer(request: pytest.FixtureRequest) -> Peer:
    built: Peer = request.param
    if not built.is_built:
        pytest.skip(f"the environment for {built.name} is not built: run .ci/peers {built.name}")
    return built


@pytest.mark.parametrize("order", ["before", "after"])
def test_record_is_the_same_beside(peer: Peer, order: str, tmp_path: Path) -> None:
    alone = run_program(peer.python, "none", order, tmp_path / "alone")
    beside = run_program(peer.python, peer.name, order, tmp_path / "beside")

    # The peer was at work, or the rest proves nothing.
    assert any(scope.startswith(peer.scope) for scope in beside.scopes)
    assert not any(scope.startswith(peer.scope) for scope in alone.scopes)

    assert record(beside.shown["root"]) == record(alone.shown["root"])
    for outcome in (alone, beside):
        told = [name for scope, name in outcome.told["spans"] if scope.startswith(semconv.SDK_SCOPE_PREFIX)]
        counted = told.count("anthropic.messages.create")
        # Logfire keeps the SDK from some of its spans.
        assert counted == outcome.told["calls"] or (
            outcome is beside and peer.name == "logfire" and counted < outcome.told["calls"]
        )
        assert outcome.runs == 1
        assert len(nodes(outcome.shown["root"], "llm")) == outcome.told["calls"]
        tokens = outcome.shown["run"]["tokens"]
        assert {name: tokens[name] for name in ("input", "output", "cache_read")} == {
            name: outcome.told[name] for name in ("input", "output", "cache_read")
        }

"""TK305 and TK306 on recorded exchanges of the real API, unchanged and with a lost cache."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.instrument.test_real_exchanges import DATA, Real, real
from tests.support.build import MS, Builder
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.model.events import Request
from tracekit.model.finding import Finding
from tracekit.model.messages import answer_of, usage_attributes
from tracekit.model.recording import Exchange, Piece
from tracekit.rules import Options, findings_of

pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"the recorded exchanges are not on this machine: {DATA}")

LOST = {semconv.INPUT_TOKENS: 30_000, semconv.CACHE_READ_TOKENS: 0, semconv.CACHE_WRITE_TOKENS: 20_000}


def found(exchanges: Sequence[Real], counts: dict[str, Any], share: int) -> list[Finding]:
    """The findings for agents that made `share` of `exchanges` each, with these `counts` in place of the API's."""
    build = Builder()
    build.span("root", "run", 0, 1000 * len(exchanges))
    for first in range(0, len(exchanges), share):
        build.agent(f"agent{first // share}", 1000 * first, 1000 * (first + share), "root")
    for number, exchange in enumerate(exchanges):
        start, end = 1000 * number, 1000 * number + 500
        turn = build.span(f"turn{number}", "turn", start, end, f"agent{number // share}")
        answer = answer_of(exchange.body, exchange.headers["content-type"])
        usage = usage_attributes(answer, finished=True) if answer.message else {}
        attributes = {semconv.REQUEST_MODEL: exchange.request.get("model", ""), **usage, **(counts if usage else {})}
        llm = build.span(f"llm{number}", "llm", start, end, turn, attributes=attributes)
        attempt = build.span(f"a{number}", "attempt", start, end, llm)
        body = json.dumps(exchange.request).encode()
        request = Request("POST", "https://api.anthropic.com", exchange.path, "", {}, body)
        pieces = (Piece(end * MS, exchange.body),)
        digest = hashlib.sha256(body).hexdigest()
        build.exchanges[attempt] = Exchange(attempt, request, digest, exchange.status, exchange.headers, None, pieces)
    return findings_of(structure(build.recording()), Options(select=("TK305", "TK306")))


def continued(**changed: Any) -> list[Real]:
    """Each exchange with a cache marker, and a request that continues it with fields that `changed`."""
    marked = [each for each in real() if "cache_control" in json.dumps(each.request) and each.status == 200]
    return [each for one in marked for each in (one, replace(one, request=_next(one) | changed))]


def _next(one: Real) -> dict[str, Any]:
    answer = answer_of(one.body, one.headers["content-type"]).message or {}
    told = [{"role": "assistant", "content": answer.get("content", [])}, {"role": "user", "content": "And then?"}]
    return {**one.request, "messages": [*one.request["messages"], *told]}


def test_as_they_are_no_cache_was_lost() -> None:
    assert len(real()) >= 480
    assert found(real(), {}, len(real())) == []


def test_a_request_that_goes_on_and_read_nothing_is_the_providers_miss() -> None:
    told = whys(found(continued(), LOST, 2))
    assert told.keys() == {"nothing had changed, so the miss is the provider's", "the API leaves out earlier thinking"}
    assert told.total() > 100


def test_another_system_prompt_is_told() -> None:
    told = whys(found(continued(system="You are another agent."), LOST, 2))
    # It is not cached where the last marker stands on a tool.
    assert told.keys() == {
        "the content changed in the system prompt",
        "nothing had changed, so the miss is the provider's",
    }
    assert told["the content changed in the system prompt"] > 100


def whys(findings: Sequence[Finding]) -> Counter[str]:
    return Counter(finding.message.partition(": ")[2] for finding in findings if finding.code == "TK305")

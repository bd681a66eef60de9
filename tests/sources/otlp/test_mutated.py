"""Requests as a stranger may send them: each is refused or accepted, and nothing of it stays in memory."""

from __future__ import annotations

import gzip
import http.client
import json
import random
import resource
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.sources.otlp.test_arrival import _spans
from tests.sources.otlp.wire import in_protobuf
from tests.sources.transcripts import runs
from tests.support.foreign import listening, request
from tests.support.mutations import VALUES
from tracekit.sources.otlp.receiver.serve import OtlpReceiver

_PROTOBUF = {"content-type": "application/x-protobuf"}
_JSON = {"content-type": "application/json"}
_GROWTH_KB = 60_000
"""What a process may need on top after thousands of requests; one mutated body is two thousandths of that."""


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield value, key
        yield from _places(item)


def _mutated(chance: random.Random, whole: str, packed: bytes) -> tuple[bytes, dict[str, str]]:
    form = chance.randrange(4)
    if form == 0:
        record = json.loads(whole)
        for _ in range(chance.randrange(1, 4)):
            places = list(_places(record))
            if places:
                container, key = chance.choice(places)
                container[key] = deepcopy(chance.choice(VALUES))
        return json.dumps(record).encode("utf-8", "surrogatepass"), _JSON
    data = bytearray(whole.encode() if form == 1 else packed)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(data))
        match chance.randrange(3):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randrange(1, 40)]
            case _:
                data[at:at] = chance.randbytes(chance.randrange(1, 40))
    if form == 3:
        body = bytearray(gzip.compress(bytes(data)))
        body[chance.randrange(len(body))] ^= chance.choice((0, 1, 64))
        return bytes(body), {**_PROTOBUF, "content-encoding": "gzip"}
    return bytes(data), _JSON if form == 1 else _PROTOBUF


def _send(receiver: OtlpReceiver, number: int, seed: int) -> dict[int, int]:
    chance, body = random.Random(seed), request(*_spans())
    whole, packed = json.dumps(body), in_protobuf(body)
    answers: dict[int, int] = {}
    connection = http.client.HTTPConnection("127.0.0.1", receiver.http_port, timeout=60)
    for _ in range(number):
        data, headers = _mutated(chance, whole, packed)
        connection.request("POST", "/v1/traces", data, headers)
        answer = connection.getresponse()
        answer.read()
        answers[answer.status] = answers.get(answer.status, 0) + 1
    connection.close()
    return answers


def _assert_answered(answers: dict[int, int], number: int) -> None:
    assert sum(answers.values()) == number
    assert set(answers) <= {200, 400, 413, 415}, answers
    assert min(answers[200], answers[400]) > number / 20, answers


def _send_at_once(receiver: OtlpReceiver, number: int) -> dict[int, int]:
    """Send from ten threads."""
    answers: Counter[int] = Counter()
    with ThreadPoolExecutor(10) as pool:
        for each in pool.map(lambda seed: _send(receiver, number // 10, seed), range(number, number + 10)):
            answers.update(each)
    return answers


def test_mutated_bodies_are_refused_or_accepted(home: Path) -> None:
    with listening() as receiver:
        _assert_answered(_send_at_once(receiver, 500), 500)
        assert receiver.intake.held == 0
    for run in runs():
        assert run.count() >= 1


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_twenty_thousand_of_them_take_no_memory(home: Path) -> None:
    with listening() as receiver:
        _assert_answered(_send_at_once(receiver, 2_000), 2_000)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        _assert_answered(_send_at_once(receiver, 18_000), 18_000)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert (receiver.intake.held, grown < _GROWTH_KB) == (0, True), grown

"""Spans that wait to be sent: their number is bounded and counted, and the program never waits for them."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Sequence

import pytest

from tests.support.waiting import LONG_S, eventually
from tracekit.otlp import outbox
from tracekit.otlp.destination import Limits
from tracekit.otlp.outbox import Loss, Outbox
from tracekit.otlp.outcome import Delivery


class Ship:
    """Takes batches, after `gate` opens; refuses while `reason` is set."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.reason: str | None = None
        self.closed = False

    @property
    def trouble(self) -> str | None:
        return None

    def send(self, batch: Sequence[int]) -> Delivery:
        self.gate.wait(LONG_S)
        if self.reason is not None:
            return Delivery(lost=len(batch), reason=self.reason)
        self.batches.append(list(batch))
        return Delivery(len(batch))

    def close(self) -> None:
        self.closed = True


LIMITS = Limits(0.05, 10, 100)


class Box:
    """An outbox of numbers with its ship, and what it tells at the end."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.ship = Ship()
        self.losses: list[Loss] = []
        self.box: Outbox[int] = Outbox(lambda: self.ship, limits, "http://there", self.losses.append)
        self.box.start()

    def put(self, *numbers: int) -> None:
        for number in numbers:
            self.box.put(number)

    def close(self) -> Loss:
        self.box.close()
        (loss,) = self.losses
        return loss


def test_everything_is_sent_in_order_and_in_batches() -> None:
    box = Box()
    box.put(*range(95))
    assert box.close() == Loss(95, 0, "")
    assert [number for batch in box.ship.batches for number in batch] == list(range(95))
    assert max(map(len, box.ship.batches)) == 10
    assert box.ship.closed


def test_a_batch_that_is_not_full_is_sent_after_the_delay() -> None:
    box = Box()
    box.put(1, 2)
    eventually(lambda: box.ship.batches == [[1, 2]])
    box.put(3)
    eventually(lambda: box.ship.batches == [[1, 2], [3]])
    assert box.close() == Loss(3, 0, "")


def test_a_full_queue_drops_counts_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    box = Box()
    box.ship.gate.clear()
    box.put(0)
    eventually(lambda: box.box._sending_since is not None)
    box.put(*range(1000))
    box.ship.gate.set()
    loss = box.close()
    assert loss == Loss(101, 900, "the queue is full")
    (said,) = caplog.messages
    assert "http://there" in said
    assert "queue is full" in said


def test_what_is_refused_is_counted_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    box = Box()
    box.ship.reason = "401 Unauthorized"
    box.put(*range(25))
    eventually(lambda: caplog.messages)
    eventually(box.box._queue.empty)
    box.ship.reason = None
    box.put(*range(5))
    loss = box.close()
    assert loss.sent + loss.lost == 30
    assert loss.lost >= 10
    assert loss.reason == "401 Unauthorized"
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


class Clock:
    """A clock that each look at it moves on, so that what waits by it has looked that often."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 0.01
        return self.now_s


def test_the_end_waits_shortly_for_an_endpoint_that_fails_and_not_long_for_one_that_is_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    monkeypatch.setattr(outbox, "_now_s", clock)
    silent = Box()
    silent.ship.gate.clear()
    silent.put(1)
    begun = clock.now_s
    assert silent.close().lost == 1
    assert 0.5 < clock.now_s - begun < 2
    silent.ship.gate.set()
    failing = Box()
    failing.ship.reason = "no"
    failing.put(1)
    eventually(lambda: failing.box._is_failing)
    failing.ship.reason = None
    failing.ship.gate.clear()
    failing.put(2)
    begun = clock.now_s
    assert failing.close().lost == 2
    assert clock.now_s - begun < 0.5
    failing.ship.gate.set()


def test_a_shipper_that_cannot_be_made_costs_the_spans_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    losses: list[Loss] = []

    def prepare() -> Ship:
        raise ValueError("OTEL_X is odd")

    box: Outbox[int] = Outbox(prepare, Limits(), "http://there", losses.append)
    box.start()
    box.put(1)
    box.close()
    assert losses == [Loss(0, 1, "ValueError: OTEL_X is odd")]
    assert len(caplog.messages) == 1


def test_it_may_be_put_into_by_a_finaliser_and_by_many_threads() -> None:
    box = Box(Limits(0.01, 10, 100_000))

    class Dropped:
        def __init__(self, number: int) -> None:
            self.itself = self
            self.number = number

        def __del__(self) -> None:
            box.put(self.number)

    def work() -> None:
        for number in range(500):
            Dropped(number)
            box.put(number)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    # Some finalisers run in the outbox's own thread, if that collects at this moment.
    eventually(lambda: sum(map(len, box.ship.batches)) == 4000)
    assert box.close() == Loss(4000, 0, "")


def test_nothing_is_taken_after_the_end() -> None:
    box = Box()
    assert box.close() == Loss(0, 0, "")
    box.put(1)
    box.box.close()
    box.box.start()
    assert box.ship.batches == []

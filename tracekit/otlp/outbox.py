"""The thread that sends, and what waits for it. Whatever the endpoint does, the agent never waits.

Why not the SDK's own batches: they log in the agent's thread when the queue is full, count nothing of what they drop,
and let a program's exit wait up to 30 s for an endpoint.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from itertools import count
from queue import Empty, SimpleQueue
from typing import Generic, NamedTuple, Protocol, TypeVar

from tracekit.origin import pass_on
from tracekit.otlp.destination import BYTES_VARIABLE, Limits
from tracekit.otlp.outcome import Delivery
from tracekit.system_clock import steady_ns

__all__ = ["Loss", "Outbox", "Shipper", "before_fork_and_end"]

T_contra = TypeVar("T_contra", contravariant=True)
T = TypeVar("T")

_log = logging.getLogger("tracekit")

_PATIENCE_S = 1.8
"""How long the exit may wait in all, for an endpoint that may yet answer."""
_LEAST_PATIENCE_S = 0.5
"""How long it waits for the endpoint, however long the exporter took to load."""
_LOADING_S = 5.0
"""How long it may wait for the exporter to be loaded, which takes half a second unless the machine is very busy."""
_SHORT_PATIENCE_S = 0.1
"""How long it may wait for one that is known not to."""
_SLOW_S = 1.0
"""When a request without an answer says that the endpoint does not answer; and when the first batch is sent."""


def _now_s() -> float:
    """Seconds of a clock that the program cannot stop."""
    return steady_ns() / 1e9


class Shipper(Protocol[T_contra]):
    """The sender in the outbox's thread."""

    @property
    def trouble(self) -> str | None:
        """Return the reason why spans are delayed, or None if no delay is known."""

    def send(self, batch: Sequence[T_contra]) -> Delivery:
        """Send `batch`, as far as it can be."""

    def close(self) -> None:
        """Close the connection, even during a request."""


def before_fork_and_end(action: Callable[[], None]) -> None:
    """Call `action` before each fork, and before the interpreter forbids new threads.

    Both before `concurrent.futures` does so, which lets no job be given from then on, and the exporters give some while
    they are loaded: what is registered last is called first. What `concurrent.futures` uses for the end is not public.
    """
    import concurrent.futures.thread  # noqa: F401, PLC0415

    os.register_at_fork(before=action)
    register = getattr(threading, "_register_atexit", None)
    if register is not None:
        register(action)


class Loss(NamedTuple):
    """The numbers of a process's spans that were sent or lost. `cut` of those sent went without their content."""

    sent: int
    lost: int
    reason: str
    cut: int = 0


class _Waiting(Generic[T]):
    """An item that waits, with its number."""

    __slots__ = ("item", "number")

    def __init__(self, number: int, item: T) -> None:
        self.number = number
        self.item = item


class Outbox(Generic[T]):
    """Takes items from any thread, finalisers and signal handlers, and sends them in batches from its own.

    `prepare` makes the shipper, in the outbox's thread; it raises where it cannot. `shown` is where things go, for
    people; `scrub` takes secrets out of what a library says. `acknowledged` hears how many items of a batch were sent,
    `closed` at the end what became of everything. One that `is_quiet` logs nothing, and sends
    nothing at once: so it knows whether the endpoint answers before it has anything to send.
    """

    def __init__(
        self,
        prepare: Callable[[], Shipper[T]],
        limits: Limits,
        shown: str,
        closed: Callable[[Loss], None],
        *,
        scrub: Callable[[str], str] = str,
        acknowledged: Callable[[int], None] = lambda _: None,
        is_quiet: bool = False,
    ) -> None:
        self._is_quiet = is_quiet
        self._scrub = scrub
        self._acknowledged = acknowledged
        self._prepare = prepare
        self._limits = limits
        self._shown = shown
        self._tell_closed = closed
        self._reset()
        before_fork_and_end(self._wait_until_ready)

    def _reset(self) -> None:
        # It may be put into from anywhere, even while it is being put into.
        self._queue: SimpleQueue[_Waiting[T] | threading.Event | None] = SimpleQueue()
        self._counted = count(1)
        self._bytes: dict[int, int] = {}
        self._given = 0
        self._sent = 0
        self._cut = 0
        self._reason = ""
        self._is_failing = False
        self._sending_since: float | None = None
        self._shipper: Shipper[T] | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._done = threading.Event()
        self._closed = False
        self._said = False
        self._has_said_cut = False
        self._is_slow = False
        self._waited_s = 0.0

    def start(self) -> None:
        """Get ready to send, so that nothing has to be loaded when the program ends. Harmless twice."""
        if self._thread is not None or self._closed:
            return
        self._thread = threading.Thread(target=self._work, name="tracekit-otlp", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            pass_on(error)
            # The interpreter shuts down, or the system has no thread left: nothing more is sent.
            self._closed = True

    def has_room(self, size: int) -> bool:
        """Return whether `size` more bytes may wait."""
        # A list of them is made in one step, whatever other threads do meanwhile.
        return size + sum(list(self._bytes.values())) <= self._limits.queue_bytes

    def put(self, item: T, size: int = 0) -> None:
        """Take `item`, which holds `size` bytes, unless the queue is full. Never waits."""
        self._given = number = next(self._counted)
        if self._closed or self._queue.qsize() >= self._limits.queue:
            self._reason = self._reason or "the queue is full"
            return
        if size:
            self._bytes[number] = size
        self._queue.put(_Waiting(number, item))

    def settle(self, patience_s: float) -> None:
        """Wait until what was given is sent or lost: `patience_s` at most, and never again where that was too short."""
        self._wait_until_ready()
        if self._thread is None or self._closed or self._is_slow or self._is_stuck():
            return
        settled = threading.Event()
        self._queue.put(settled)
        self._is_slow = not settled.wait(patience_s)

    def forked(self) -> None:
        """This process is a fresh fork: what waits is the parent's to send, and so is its thread."""
        self._reset()

    def close(self) -> None:
        """Send what waits, as far as the endpoint takes it soon, and say what was lost."""
        if self._closed or self._thread is None:
            return
        self._closed = True
        self._queue.put(None)
        self._wait_until_ready()
        begun, patience_s = _now_s(), max(_LEAST_PATIENCE_S, _PATIENCE_S - self._waited_s)
        while not self._done.wait(0.01):
            waited = _now_s() - begun
            if self._given == self._sent or waited > patience_s or (waited > _SHORT_PATIENCE_S and self._is_stuck()):
                break
        shipper = self._shipper
        if shipper is not None:
            shipper.close()
        if lost := self._given - self._sent:
            self._say(self._reason or (shipper.trouble if shipper else None) or "it did not answer in time")
        self._tell_closed(Loss(self._sent, lost, self._reason, self._cut))

    def _wait_until_ready(self) -> None:
        """Wait until the exporter's modules are loaded: a half-loaded module cannot be loaded in a forked child."""
        if self._thread is not None and not self._ready.is_set():
            begun = _now_s()
            self._ready.wait(_LOADING_S)
            self._waited_s += _now_s() - begun

    def _is_stuck(self) -> bool:
        """Return whether the endpoint is known to refuse everything."""
        if self._is_failing or (self._shipper is not None and self._shipper.trouble):
            return True
        since = self._sending_since
        return since is not None and _now_s() - since > _SLOW_S

    # ── in the thread ────────────────────────────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        ready, done, queue = self._ready, self._done, self._queue
        try:
            self._shipper = self._prepare()
        except Exception as error:  # noqa: BLE001  a variable that some library cannot read
            self._is_failing = True
            self._say(f"{type(error).__name__}: {self._scrub(str(error))}")
        ready.set()
        if self._is_quiet and self._shipper is not None:
            self._send(self._shipper, [])
        delay_s, mark = min(_SLOW_S, self._limits.delay_s), threading.Event()  # type: tuple[float, threading.Event | None]
        while mark is not None:
            batch, mark = self._collect(queue, delay_s)
            delay_s = self._limits.delay_s
            if batch:
                self._send_waiting(batch)
            if mark is not None:
                mark.set()
        done.set()

    def _collect(
        self, queue: SimpleQueue[_Waiting[T] | threading.Event | None], delay_s: float
    ) -> tuple[list[_Waiting[T]], threading.Event | None]:
        """The next batch: what comes within the delay, or as many as a batch may hold.

        With it comes the event to set when it is sent; None if it is the last.
        """
        batch: list[_Waiting[T]] = []
        until: float | None = None
        while len(batch) < self._limits.batch:
            try:
                item = queue.get(timeout=None if until is None else max(0.0, until - _now_s()))
            except Empty:
                break
            if not isinstance(item, _Waiting):
                return batch, item
            until = until or _now_s() + delay_s
            batch.append(item)
        return batch, threading.Event()

    def _send_waiting(self, batch: list[_Waiting[T]]) -> None:
        if self._shipper is not None:
            self._send(self._shipper, [waiting.item for waiting in batch])
        for waiting in batch:
            self._bytes.pop(waiting.number, None)

    def _send(self, shipper: Shipper[T], batch: list[T]) -> None:
        self._sending_since = _now_s()
        try:
            done = shipper.send(batch)
        except Exception as error:  # noqa: BLE001  our own fault, which must not end the thread
            done = Delivery(lost=len(batch), reason=f"{type(error).__name__}: {self._scrub(str(error))}")
        self._sending_since = None
        self._sent += done.sent
        self._cut += done.cut
        if done.sent:
            self._acknowledged(done.sent)
        if done.cut:
            self._say_cut()
        self._is_failing = done.reason is not None and not done.sent
        if done.reason is not None:
            self._say(done.reason)

    def _say_cut(self) -> None:
        """Say once that spans went without their content."""
        if self._has_said_cut or self._is_quiet:
            return
        self._has_said_cut = True
        _log.warning(
            "tracekit: spans that were too large went to %s without their content; the record has it. %s sets how many "
            "bytes a request may have",
            self._shown,
            BYTES_VARIABLE,
        )

    def _say(self, reason: str) -> None:
        """Say once that spans are lost."""
        self._reason = reason
        if self._said or self._is_quiet:
            return
        self._said = True
        hint = "; it looks like gRPC's port: OTEL_EXPORTER_OTLP_PROTOCOL=grpc" if ":4317/" in self._shown else ""
        _log.warning(
            "tracekit: spans are not exported to %s, but your program and its record continue: %s%s",
            self._shown,
            reason,
            hint,
        )

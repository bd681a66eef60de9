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
from tracekit.otlp.destination import Limits
from tracekit.system_clock import steady_ns

__all__ = ["Loss", "Outbox", "Shipper"]

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
    """What sends, in the outbox's thread."""

    @property
    def trouble(self) -> str | None:
        """Why what is being sent does not arrive at once; None where it is not known not to."""

    def send(self, batch: Sequence[T_contra]) -> tuple[int, str | None]:
        """Send `batch`; returns how many were sent, and why the others were not."""

    def close(self) -> None:
        """Let go, of what is being sent, too."""


def _before_fork_and_end(action: Callable[[], None]) -> None:
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
    """What became of a process's spans."""

    sent: int
    lost: int
    reason: str


class Outbox(Generic[T]):
    """Takes items from any thread, finalisers and signal handlers, and sends them in batches from its own.

    `prepare` makes the shipper, in the outbox's thread; it raises where it cannot. `shown` is where things go, for
    people. `closed` is told at the end what became of everything. One that `is_quiet` logs nothing, and sends nothing at
    once: so it knows whether the endpoint answers before it has anything to send.
    """

    def __init__(
        self,
        prepare: Callable[[], Shipper[T]],
        limits: Limits,
        shown: str,
        closed: Callable[[Loss], None],
        *,
        is_quiet: bool = False,
    ) -> None:
        self._is_quiet = is_quiet
        self._prepare = prepare
        self._limits = limits
        self._shown = shown
        self._tell_closed = closed
        self._reset()
        _before_fork_and_end(self._wait_until_ready)

    def _reset(self) -> None:
        # It may be put into from anywhere, even while it is being put into.
        self._queue: SimpleQueue[T | None] = SimpleQueue()
        self._counted = count(1)
        self._given = 0
        self._sent = 0
        self._reason = ""
        self._is_failing = False
        self._sending_since: float | None = None
        self._shipper: Shipper[T] | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._done = threading.Event()
        self._closed = False
        self._said = False
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

    def put(self, item: T) -> None:
        """Take `item`, unless the queue is full. Never waits."""
        self._given = next(self._counted)
        if self._closed or self._queue.qsize() >= self._limits.queue:
            self._reason = self._reason or "the queue is full"
            return
        self._queue.put(item)

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
        self._tell_closed(Loss(self._sent, lost, self._reason))

    def _wait_until_ready(self) -> None:
        """Wait for what is being loaded. A module that is half loaded at a fork can never be loaded in the child."""
        if self._thread is not None and not self._ready.is_set():
            begun = _now_s()
            self._ready.wait(_LOADING_S)
            self._waited_s += _now_s() - begun

    def _is_stuck(self) -> bool:
        """Whether it is known that the endpoint does not take anything."""
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
            self._say(f"{type(error).__name__}: {error}")
        ready.set()
        if self._is_quiet and self._shipper is not None:
            self._send(self._shipper, [])
        delay_s, is_last = min(_SLOW_S, self._limits.delay_s), False
        while not is_last:
            batch, is_last = self._collect(queue, delay_s)
            delay_s = self._limits.delay_s
            if batch and self._shipper is not None:
                self._send(self._shipper, batch)
        done.set()

    def _collect(self, queue: SimpleQueue[T | None], delay_s: float) -> tuple[list[T], bool]:
        """The next batch, and whether it is the last: what comes within the delay, or as many as a batch may hold."""
        first = queue.get()
        if first is None:
            return [], True
        batch, until = [first], _now_s() + delay_s
        while len(batch) < self._limits.batch:
            try:
                item = queue.get(timeout=max(0.0, until - _now_s()))
            except Empty:
                break
            if item is None:
                return batch, True
            batch.append(item)
        return batch, False

    def _send(self, shipper: Shipper[T], batch: list[T]) -> None:
        self._sending_since = _now_s()
        try:
            sent, reason = shipper.send(batch)
        except Exception as error:  # noqa: BLE001  our own fault, which must not end the thread
            sent, reason = 0, f"{type(error).__name__}: {error}"
        self._sending_since = None
        self._sent += sent
        self._is_failing = reason is not None
        if reason is not None:
            self._say(reason)

    def _say(self, reason: str) -> None:
        """Say once that spans are lost."""
        self._reason = reason
        if self._said or self._is_quiet:
            return
        self._said = True
        hint = "; it looks like gRPC's port: OTEL_EXPORTER_OTLP_PROTOCOL=grpc" if ":4317/" in self._shown else ""
        _log.warning(
            "tracekit: spans are not exported to %s, your program and its record go on: %s%s", self._shown, reason, hint
        )

"""Sends a recorded run, or nothing at all to learn whether a collector answers; raises where it does not."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tracekit.errors import OtlpError
from tracekit.model.tree import Run
from tracekit.otlp.delivery import Deliverer
from tracekit.otlp.destination import Destination, limits_of
from tracekit.otlp.log_capture import loading
from tracekit.otlp.outcome import Delivery
from tracekit.otlp.recorded import told_of
from tracekit.privacy import SpanRules

if TYPE_CHECKING:
    from tracekit.otlp.wire import Sender

__all__ = ["probe", "send_run"]

_log = logging.getLogger("tracekit")


def send_run(run: Run, destination: Destination, rules: SpanRules, resource: Mapping[str, Any]) -> Delivery:
    """Send every span of `run`; returns how many were sent and were not. Sent again, they have the same ids.

    Raises:
        OtlpError: A variable of the exporter makes no sense.
    """
    sender = _sender(destination, resource)
    try:
        deliverer = Deliverer(sender, rules, limits_of(os.environ)[0])
        return deliverer.deliver(told_of(run, content=rules.content), until_refused=True)
    finally:
        sender.close()


def probe(destination: Destination) -> str | None:
    """Return the reason why `destination` refuses an empty request, or None.

    Raises:
        OtlpError: A variable of the exporter makes no sense.
    """
    sender = _sender(destination, {}, timeout_s=2.0)
    try:
        return sender.send([]).reason
    finally:
        sender.close()


def _sender(destination: Destination, resource: Mapping[str, Any], timeout_s: float | None = None) -> Sender:
    try:
        with loading():
            from tracekit.otlp.wire import Sender  # noqa: PLC0415  OpenTelemetry's SDK, which may fail to load

        sender = Sender(destination, resource, timeout_s=timeout_s)
    except Exception as error:  # noqa: BLE001  each library has its own kind
        said = destination.scrub(str(error))
        # The error itself may repeat a password, so it is no cause of ours.
        raise OtlpError(f"OpenTelemetry's variables (OTEL_…) have values that cannot be used: {said}") from None
    if sender.warnings:
        _log.warning("tracekit: OpenTelemetry's variables: %s", "; ".join(sender.warnings))
    return sender

"""Sends a recorded run, or nothing at all to learn whether a collector answers; raises where it does not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from tracekit.errors import OtlpError
from tracekit.model.tree import Run
from tracekit.otlp.attributes import wired
from tracekit.otlp.destination import Destination, limits_of
from tracekit.otlp.recorded import told_of
from tracekit.otlp.told import Rules
from tracekit.otlp.wire import Sender

__all__ = ["probe", "send_run"]


def send_run(run: Run, destination: Destination, rules: Rules, resource: Mapping[str, Any]) -> int:
    """Send every span of `run`; returns how many. Sent again, they have the same ids.

    Raises:
        OtlpError: They cannot be sent.
    """
    sender = _sender(destination, resource)
    sent, most = 0, limits_of(os.environ)[0].batch
    try:
        spans = [wired(told, rules) for told in told_of(run, content=rules.content)]
        for first in range(0, len(spans), most):
            batch = spans[first : first + most]
            reason = sender.send(batch)
            if reason is not None:
                already = f" after {sent} spans" if sent else ""
                raise OtlpError(f"{destination.shown} does not take the spans{already}: {reason}")
            sent += len(batch)
    finally:
        sender.close()
    return sent


def probe(destination: Destination) -> str | None:
    """Why `destination` does not take an empty request; None if it does.

    Raises:
        OtlpError: A variable of the exporter makes no sense.
    """
    sender = _sender(destination, {}, timeout_s=2.0)
    try:
        return sender.send([])
    finally:
        sender.close()


def _sender(destination: Destination, resource: Mapping[str, Any], timeout_s: float | None = None) -> Sender:
    try:
        return Sender(destination, resource, timeout_s=timeout_s)
    except Exception as error:
        raise OtlpError(f"the exporter's variables (OTEL_EXPORTER_OTLP_…) make no sense: {error}") from error

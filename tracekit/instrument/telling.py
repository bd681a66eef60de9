"""Attributes that an application's own exporter gets beside those that the SDK or the application sets.

They are the attributes that our exporter sends, so that a dashboard shows the same whoever exports the spans.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit import semconv
from tracekit.cost import derived_attributes
from tracekit.instrument.live import LiveSpan
from tracekit.instrument.recorder import Recorder
from tracekit.instrument.values import exportable

__all__ = ["agent_around", "call_attributes", "run_attributes", "shown"]


def shown(recorder: Recorder, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of `attributes` that an application's exporter may have, after redaction."""
    redact = recorder.redact
    found: dict[str, Any] = {}
    for name, value in exportable(attributes).items():
        if isinstance(value, list):
            value = [redact(each) if isinstance(each, str) else each for each in value]  # noqa: PLW2901  its other form
        found[name] = redact(value) if isinstance(value, str) else value
    return found


def run_attributes(recorder: Recorder, live: LiveSpan) -> dict[str, Any]:
    """Return the level of `live` and the run that it belongs to, as far as that is decided."""
    found: dict[str, Any] = {semconv.KIND: live.kind}
    run = live.run
    if run is not None:
        if run.shown_name is None:
            run.shown_name = recorder.redact(run.info.name)
        found[semconv.RUN_ID] = run.info.id
        found[semconv.RUN_NAME] = run.shown_name
    return found


def call_attributes(recorder: Recorder, live: LiveSpan, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the call `live` adds to the SDK's span: run, agent, cost; `recorded` are the call's own attributes."""
    found = run_attributes(recorder, live)
    if live.kind != "llm":
        return found
    agent = agent_around(live)
    if agent is not None:
        found[semconv.AGENT_NAME] = recorder.redact(agent)
    if semconv.SYNC_IN_EVENT_LOOP in live.attributes_at_begin:
        found[semconv.SYNC_IN_EVENT_LOOP] = True
    if semconv.CALLERS in live.attributes_at_begin:
        found[semconv.CALLERS] = [recorder.redact(each) for each in live.attributes_at_begin[semconv.CALLERS]]
    return {**found, **derived_attributes(recorded, live.begin_ns)}


def agent_around(live: LiveSpan) -> str | None:
    """Return the name of the nearest agent above `live`; None where no agent of this process is above it."""
    above = live.parent
    while above is not None:
        name = above.attributes_at_begin.get(semconv.AGENT_NAME)
        if name is not None:
            return str(name)
        above = above.parent
    return None

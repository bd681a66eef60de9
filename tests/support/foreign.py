"""Spans of other tools with invented words, as OTLP in JSON, and what tracekit makes of them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.sources.transcripts import runs
from tracekit.model.tree import Node, Run
from tracekit.sources.importing import Imported, import_sessions, source_of
from tracekit.sources.otlp.receiver.intake import IntakeLimits
from tracekit.sources.otlp.receiver.serve import ListenOptions, OtlpReceiver

BEGIN_NS = 1_795_000_000_000_000_000
TRACE = "7" * 32


def attribute(value: Any) -> dict[str, Any]:
    """Return a value as OTLP writes it."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [attribute(each) for each in value]}}
    return {"stringValue": value}


def attributes(named: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": attribute(value)} for name, value in named.items()]


def span(
    id: int,
    parent: int,
    name: str,
    start_s: float,
    end_s: float,
    named: Mapping[str, Any] | None = None,
    *,
    scope: str = "",
    kind: int = 1,
    code: int = 0,
    trace: str = TRACE,
    events: Sequence[tuple[str, float, Mapping[str, Any]]] = (),
) -> dict[str, Any]:
    """Return a span; ids are numbers, 0 for no parent, and times seconds after the begin of the trace."""
    return {
        "scope": scope,
        "traceId": trace,
        "spanId": f"{id:016x}",
        **({"parentSpanId": f"{parent:016x}"} if parent else {}),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(at(start_s)),
        "endTimeUnixNano": str(at(end_s)),
        "attributes": attributes(named or {}),
        "status": {"code": code},
        "events": [
            {"name": each, "timeUnixNano": str(at(time)), "attributes": attributes(told)} for each, time, told in events
        ],
    }


def at(seconds: float) -> int:
    return BEGIN_NS + round(seconds * 1e9)


def request(*spans: Mapping[str, Any], resource: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the request that exports `spans`."""
    scopes: dict[str, list[Any]] = {}
    for each in spans:
        scopes.setdefault(each["scope"], []).append({name: value for name, value in each.items() if name != "scope"})
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": attributes(resource or {"service.name": "shop"})},
                "scopeSpans": [{"scope": {"name": scope}, "spans": each} for scope, each in scopes.items()],
            }
        ]
    }


def imported_spans(folder: Path, *spans: Mapping[str, Any]) -> Imported:
    """Import a file with `spans`."""
    path = folder / "spans.jsonl"
    path.write_text(json.dumps(request(*spans)) + "\n", encoding="utf-8")
    return import_sessions(source_of(path), [path])


def run_of(folder: Path, *spans: Mapping[str, Any]) -> Run:
    """Import a file with `spans` of one trace, and return the run."""
    assert imported_spans(folder, *spans).warnings == []
    (run,) = runs()
    return run


def outline(run: Run) -> list[str]:
    """Return the tree below the run's root, a line a node; ~ marks what was concluded."""
    lines: list[str] = []

    def add(node: Node, depth: int) -> None:
        name = {
            "agent": node.agent,
            "llm": node.model,
            "tool": node.attributes.get("gen_ai.tool.name"),
            "span": node.name,
        }.get(node.kind)
        mark = "~" if node.inferred else ""
        counts = f" {node.tokens.input}/{node.tokens.output}" if node.kind == "llm" else ""
        lines.append(f"{'  ' * depth}{mark}{node.kind}{f' {name}' if name else ''}{counts}")
        for child in node.children:
            add(child, depth + 1)

    for child in run.root.children:
        add(child, 0)
    return lines


@contextmanager
def listening(limits: IntakeLimits | None = None, **options: Any) -> Iterator[OtlpReceiver]:
    """A receiver on free ports for the block."""
    problems: list[str] = []
    receiver = OtlpReceiver(ListenOptions(http_port=0, grpc_port=0, **options), problems.append, limits)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()
    assert problems == []


def posted(
    receiver: OtlpReceiver,
    body: bytes | Mapping[str, Any],
    path: str = "/v1/traces",
    **headers: str,
) -> tuple[int, bytes, Mapping[str, str]]:
    """Send a request to a receiver; return the status, the body and the headers of the answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in {"content_type": "application/json", **headers}.items()}
    sent = urllib.request.Request(f"http://127.0.0.1:{receiver.http_port}{path}", data, named, method="POST")
    try:
        with urllib.request.urlopen(sent, timeout=60) as answer:
            return answer.status, answer.read(), {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), {name.lower(): value for name, value in error.headers.items()}

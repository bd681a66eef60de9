"""The results of a message batch, as the API lists them: one JSON object a line.

https://platform.claude.com/docs/en/build-with-claude/batch-processing
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tracekit.model.events import Failure
from tracekit.model.parsing import parse_json
from tracekit.model.typed import typed_message
from tracekit.origin import pass_on

__all__ = ["BatchResult", "is_batch_results", "results_of", "usage_only"]

_PATH = re.compile(r"/v1/messages/batches/[^/]+/results/?")
_KEPT = ("id", "type", "role", "model", "stop_reason", "usage")


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The result of one request of a batch.

    `message` is the response as the Messages API has it; None where the request was not answered, and `failure` then
    says why: an error, or that the request was canceled or has expired.
    """

    custom_id: str
    message: Mapping[str, Any] | None
    failure: Failure | None


def is_batch_results(path: str) -> bool:
    """Return whether a request to `path` asks for the results of a batch."""
    return _PATH.search(path) is not None


def results_of(body: bytes) -> Iterator[BatchResult]:
    """Iterate over the results in `body`. A line that was cut off, or that is no result, is skipped."""
    for line in body.splitlines():
        value = _json(line)
        result = value.get("result") if isinstance(value, dict) else None
        if not isinstance(result, dict):
            continue
        custom_id, message = str(value.get("custom_id", "")), result.get("message")
        if isinstance(message, dict):
            yield BatchResult(custom_id, typed_message(message), None)
        else:
            yield BatchResult(custom_id, None, _failure(result))


def usage_only(body: bytes) -> bytes:
    """Return the results in `body` without any content: the model, the usage and the stop reason of each."""
    lines = []
    for result in results_of(body):
        kept: dict[str, Any] = {"type": "errored"}
        if result.message is not None:
            message = {name: result.message[name] for name in _KEPT if name in result.message}
            kept = {"type": "succeeded", "message": message}
        elif result.failure is not None and result.failure.type in ("canceled", "expired"):
            kept = {"type": result.failure.type}
        elif result.failure is not None:
            kept["error"] = {"type": "error", "error": {"type": result.failure.type}}
        lines.append(json.dumps({"result": kept}, separators=(",", ":")).encode() + b"\n")
    return b"".join(lines)


def _failure(result: Mapping[str, Any]) -> Failure:
    """The failure of a result without a message; the API wraps an error object into an error response."""
    error = result.get("error")
    error = error.get("error", error) if isinstance(error, dict) else {}
    error = error if isinstance(error, dict) else {}
    return Failure(str(error.get("type") or result.get("type") or "error"), str(error.get("message", "")))


def _json(line: bytes) -> Any:
    try:
        return parse_json(line)
    except ValueError as error:
        pass_on(error)
        return None

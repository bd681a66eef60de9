"""The content of one run, searched: messages, tool inputs and results, errors."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tracekit import semconv
from tracekit.analysis.new_messages import messages_of
from tracekit.model.tree import Run

__all__ = ["ContentIndex"]

_TOOL_TEXTS = (semconv.TOOL_CALL_ARGUMENTS, semconv.TOOL_CALL_RESULT)


class ContentIndex:
    """The texts of a run by span: a tool's input and result under the tool, other blocks under their call.

    Args:
        run: The run, with its requests and responses. Its root is what the index is about.
    """

    def __init__(self, run: Run) -> None:
        self.root = run.root
        self._texts = [(id, text.lower()) for id, text in _texts(run) if text]

    def find(self, text: str) -> frozenset[str]:
        """Return the ids of the spans whose content has `text`, in upper or lower case."""
        wanted = text.lower()
        if not wanted:
            return frozenset()
        # Inputs and results that are objects are JSON here, in which a line break or a quotation mark stands escaped.
        forms = {wanted, json.dumps(wanted, ensure_ascii=False)[1:-1]}
        return frozenset(id for id, content in self._texts if any(form in content for form in forms))


def _texts(run: Run) -> Iterator[tuple[str, str]]:
    tools: dict[str, str] = {}
    for node in run.root.walk():
        if node.failure is not None and node.kind != "attempt":
            yield node.id, f"{node.failure.type}: {node.failure.message}"
        if node.kind == "tool":
            tools[str(node.attributes.get(semconv.TOOL_CALL_ID))] = node.id
            for name in _TOOL_TEXTS:
                value = node.attributes.get(name)
                if value is not None:
                    yield (
                        node.id,
                        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str),
                    )
    for row in messages_of(run):
        yield tools.get(row.tool_call_id or "", row.call), row.text or ""

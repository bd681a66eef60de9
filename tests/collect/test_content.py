"""The search in the content of one run."""

from __future__ import annotations

from tests.support.trees import node, run_of
from tracekit import semconv
from tracekit.collect.content import ContentIndex


def test_inputs_and_results_are_found_as_they_are_read() -> None:
    quoted = node("tool", "ask", 0, 1, id="quoted", attributes={semconv.TOOL_CALL_ARGUMENTS: {"q": 'Say "Hi"\nthen'}})
    plain = node("tool", "ask", 1, 2, id="plain", attributes={semconv.TOOL_CALL_RESULT: 'say "hi"'})
    bare = node("tool", "ask", 2, 3, id="bare")
    index = ContentIndex(run_of(node("run", "r", 0, 3, quoted, plain, bare)))
    assert index.find('say "hi"') == {"quoted", "plain"}
    assert index.find('"hi"\nthen') == {"quoted"}
    assert index.find("null") == index.find("") == frozenset(), "a tool without input and result has no content"

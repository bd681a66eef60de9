"""The results of message batches as llm nodes: a batch's usage is known when its results are read."""

from __future__ import annotations

from tracekit import semconv
from tracekit.analysis.structure.draft import Draft, inferred
from tracekit.model.batch import BatchResult, is_batch_results, results_of
from tracekit.model.messages import ResponseContent, usage_attributes
from tracekit.model.recording import Recording

__all__ = ["add_batch_results"]


def add_batch_results(root: Draft, recording: Recording) -> None:
    """Add an llm node for each result of a batch under the request that read the result.

    A result that is read several times in one run stands once, where it was read first, so that its tokens do, too.
    """
    seen: set[tuple[str, str]] = set()
    attempts = [draft for draft in root.walk() if draft.kind == "attempt" and draft.parent is not None]
    for attempt in sorted(attempts, key=lambda draft: (draft.start_ns, draft.order)):
        exchange = recording.exchanges.get(attempt.id)
        if exchange is None or exchange.status != 200 or not is_batch_results(exchange.request.path):
            continue
        for number, result in enumerate(results_of(exchange.body)):
            key = exchange.request.path, _key(result, number)
            if key not in seen:
                seen.add(key)
                _add(attempt, number, result)


def _key(result: BatchResult, number: int) -> str:
    """Return a key that identifies a result of a batch; an error without content has only its place."""
    id = result.message.get("id") if result.message is not None else result.custom_id
    return str(id or number)


def _add(attempt: Draft, number: int, result: BatchResult) -> None:
    answer = ResponseContent()
    answer.message = dict(result.message) if result.message is not None else None
    attributes = {
        semconv.OPERATION_NAME: semconv.Operation.CHAT,
        semconv.PROVIDER_NAME: attempt.attributes.get(semconv.PROVIDER_NAME, "anthropic"),
        **usage_attributes(answer, finished=True),
        semconv.INFERRED_FROM: "batch",
    }
    if result.message is not None:
        # The API may leave the tier out of a batch's usage; the price is the batch's all the same.
        attributes[semconv.RESPONSE_SERVICE_TIER] = "batch"
    if result.custom_id:
        attributes[semconv.BATCH_CUSTOM_ID] = result.custom_id
    model = attributes.get(semconv.RESPONSE_MODEL, "")
    name = f"{semconv.Operation.CHAT} {model}".rstrip()
    llm = inferred("llm", name, attempt, suffix=f"result{number}", attributes=attributes)
    # When the model worked is not recorded, only when the result was read.
    llm.end_ns = llm.start_ns
    llm.status, llm.failure = ("ok", None) if result.failure is None else ("error", result.failure)
    if attempt.parent is not None:
        attempt.parent.adopt(llm)

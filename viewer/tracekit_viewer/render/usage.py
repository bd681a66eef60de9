"""Tokens and cost, by kind, with the prices that were used."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from tracekit_viewer.door import (
    CostPart,
    Node,
    PricesError,
    Run,
    cost_parts,
    count,
    duration,
    money,
    output,
    price_source,
    semconv,
)
from tracekit_viewer.render.block import STEP, Block, Part
from tracekit_viewer.render.bodies import Json, KeyValues, Table
from tracekit_viewer.render.family import calls_below
from tracekit_viewer.render.notes import note

__all__ = ["usage_blocks"]

_MOST_PRICED = 1000
"""Calls whose parts are priced one by one; of more, the totals are told."""

_MODES = {
    semconv.RESPONSE_SERVICE_TIER: "service tier",
    semconv.SPEED: "speed",
    semconv.INFERENCE_GEO: "inference in",
    semconv.WEB_SEARCHES: "web searches",
    semconv.WEB_FETCHES: "web fetches",
}


def usage_blocks(run: Run, node: Node) -> list[Block]:
    """Return the usage of `node` and its subtree, by model."""
    calls = [call for call in calls_below(node, other_agents=True) if call.tokens.input or call.tokens.output]
    if not calls:
        return [note("none", "No tokens were used here, as far as is known.")]
    by_model: dict[str, list[Node]] = {}
    for call in calls:
        by_model.setdefault(call.model or "unknown model", []).append(call)
    blocks = [block for model, used in by_model.items() for block in _model_blocks(model, used)]
    facts = [("cost", money(node.cost_usd, complete=node.cost_complete) or "no price is known")]
    facts += [("calls", count(len(calls))), ("time", duration(node.duration_ns(run.last_ns)))]
    if node.tokens.cache_read:
        facts.append(("cached", f"{100 * node.tokens.cache_read // node.tokens.input} % of the input was read from it"))
    blocks.append(Block("total", (("together", "dim"),), body=KeyValues(tuple(facts)), folded=STEP))
    return blocks


def _tokens(part: CostPart, calls: list[Node]) -> str:
    """Return the number of tokens of one kind; `?` or `≥` where the output of a call is not known."""
    if part.kind == "output" and any(call.tokens.is_partial for call in calls):
        return output(part.tokens, is_partial=True)
    return f"{part.tokens:,}"


def _model_blocks(model: str, calls: list[Node]) -> Iterable[Block]:
    try:
        parts, source = _parts(model, calls), price_source(model)
    except PricesError as error:
        yield note(f"{model} prices", str(error), "error")
        return
    known = sum((part.usd or Decimal(0) for part in parts if part.tokens), Decimal(0))
    is_known = all(call.cost_usd is not None for call in calls)
    rows: list[tuple[Part, ...]] = [
        (
            (part.kind, "key"),
            (_tokens(part, calls), "text"),
            (_rate(part), "dim"),
            (money(float(part.usd)) if part.usd is not None else "·", "text"),
        )
        for part in parts
        if part.tokens or part.kind in ("input", "output")
    ]
    reasoning = sum(_number(call, semconv.REASONING_TOKENS) for call in calls)
    if reasoning:
        rows.append((("  of it reasoning", "dim"), (f"{reasoning:,}", "dim"), ("", "dim"), ("", "dim")))
    cost = sum(call.cost_usd or 0 for call in calls)
    rows.append((("together", "dim"), ("", "dim"), ("", "dim"), (money(cost) if is_known else "·", "strong")))
    aside = f"prices: {source}" if is_known else "its price is unknown"
    table = Table(("kind", "tokens", "$ a million", "cost"), tuple(rows), frozenset((1, 2, 3)))
    yield Block(f"{model} table", ((model, "strong"),), aside, table, folded=STEP, apart=False)
    facts = []
    if is_known and len(calls) <= _MOST_PRICED and known and abs(float(known) - cost) > max(1e-6, cost * 1e-6):
        facts.append(("beside tokens", money(cost - float(known))))
    first = calls[0].attributes
    facts += [(word, str(first[name])) for name, word in _MODES.items() if len(calls) == 1 and name in first]
    if facts:
        yield Block(f"{model} facts", body=KeyValues(tuple(facts)), folded=STEP)
    else:
        yield Block(f"{model} facts")
    if len(calls) == 1 and semconv.ITERATIONS in first:
        yield Block(f"{model} answers", (("answers within the call", "dim"),), body=Json(first[semconv.ITERATIONS]))


def _parts(model: str, calls: list[Node]) -> list[CostPart]:
    """The kinds of tokens of all `calls`, with a rate where all calls paid the same."""
    if len(calls) > _MOST_PRICED:
        return _without_rates(calls)
    priced = [cost_parts(call.attributes, model, call.start_ns) for call in calls]
    kinds: list[CostPart] = []
    for group in zip(*priced, strict=True):
        used = [part for part in group if part.tokens] or list(group[:1])
        tokens = sum(part.tokens for part in used)
        paid = [part.usd for part in used]
        if any(usd is None for usd in paid) or not tokens:
            rate = used[0].rate if len({part.rate for part in used}) == 1 else None
        else:
            rate = sum((usd for usd in paid if usd is not None), Decimal(0)) * 1_000_000 / tokens
        kinds.append(CostPart(group[0].kind, tokens, rate))
    return kinds


def _without_rates(calls: list[Node]) -> list[CostPart]:
    read = sum(call.tokens.cache_read for call in calls)
    written = sum(call.tokens.cache_write for call in calls)
    return [
        CostPart("input", sum(call.tokens.input for call in calls) - read - written, None),
        CostPart("cache read", read, None),
        CostPart("cache write", written, None),
        CostPart("output", sum(call.tokens.output for call in calls), None),
    ]


def _rate(part: CostPart) -> str:
    return "·" if part.rate is None else f"{part.rate:.2f}"


def _number(call: Node, name: str) -> int:
    value = call.attributes.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0

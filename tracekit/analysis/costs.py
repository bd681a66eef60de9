"""Cost per agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum

from tracekit import semconv
from tracekit.cost import price_usd
from tracekit.model.tree import Node, Tokens

__all__ = ["AgentCost", "cost_per_agent", "input_usd", "usd_if_cached", "usd_without"]


@dataclass(frozen=True, slots=True)
class AgentCost:
    """What the agents of one name used themselves: their own calls, without those of the agents that they asked.

    `cost_usd` sums the known prices, in US dollars; it is None where none is known, and `complete` is false where one
    is not.
    """

    name: str
    agents: int
    calls: int
    tokens: Tokens
    cost_usd: float | None
    complete: bool


def cost_per_agent(root: Node) -> list[AgentCost]:
    """What each name of an agent below `root` used, the dearest first; calls outside of agents have an empty name.

    The sum over all names is what the run used: each call counts for the innermost agent around it, once.
    """
    calls: dict[str, list[Node]] = {}
    agents: dict[str, int] = {}
    stack: list[tuple[Node, str]] = [(root, "")]
    while stack:
        node, name = stack.pop()
        if node.kind == "agent":
            name = node.agent or ""
            agents[name] = agents.get(name, 0) + 1
        if node.kind == "llm":
            calls.setdefault(name, []).append(node)
        stack.extend((child, name) for child in node.children)
    found = [_cost(name, agents.get(name, 0), calls.get(name, [])) for name in {**agents, **calls}]
    return sorted(found, key=lambda cost: (-(cost.cost_usd or 0.0), cost.name))


def _cost(name: str, agents: int, calls: list[Node]) -> AgentCost:
    known = [call.cost_usd for call in calls if call.cost_usd is not None]
    tokens = sum((call.tokens for call in calls), Tokens())
    complete = all(call.cost_complete for call in calls)
    return AgentCost(name, agents, len(calls), tokens, fsum(known) if known else None, complete)


def input_usd(call: Node) -> float | None:
    """What the input of the llm node `call` cost, in US dollars; None where that is not known."""
    if semconv.INPUT_TOKENS not in call.attributes:
        return None
    asked: Mapping[str, object] = {**call.attributes, semconv.OUTPUT_TOKENS: 0, semconv.REASONING_TOKENS: 0}
    return _usd(call, asked)


def usd_if_cached(call: Node, *, read: int, written: int, written_1h: int = 0) -> float | None:
    """What the llm node `call` would have cost, had it read and written so many tokens from and to the cache.

    `written_1h` are those of `written` that are kept for an hour. In US dollars; None where the price is not known.
    """
    if call.cost_usd is None:
        return None
    cached: Mapping[str, object] = {
        **call.attributes,
        semconv.CACHE_READ_TOKENS: read,
        semconv.CACHE_WRITE_TOKENS: written,
        semconv.CACHE_WRITE_1H_TOKENS: written_1h,
    }
    return _usd(call, cached)


def usd_without(call: Node, tokens: int) -> float | None:
    """What the llm node `call` would have cost without the first `tokens` of its input, in US dollars.

    What a request begins with is what was read from the cache, then what was written to it. None where the price is not
    known.
    """
    if call.cost_usd is None:
        return None
    read = min(tokens, call.tokens.cache_read)
    written = min(tokens - read, call.tokens.cache_write)
    one_hour = call.attributes.get(semconv.CACHE_WRITE_1H_TOKENS, 0)
    rest: Mapping[str, object] = {
        **call.attributes,
        semconv.INPUT_TOKENS: call.tokens.input - tokens,
        semconv.CACHE_READ_TOKENS: call.tokens.cache_read - read,
        semconv.CACHE_WRITE_TOKENS: call.tokens.cache_write - written,
        semconv.CACHE_WRITE_1H_TOKENS: max(0, one_hour - written) if isinstance(one_hour, int) else 0,
    }
    return _usd(call, rest)


def _usd(call: Node, attributes: Mapping[str, object]) -> float | None:
    """The price of `call` with these `attributes`, in US dollars; None where it is not known."""
    price = None if call.model is None else price_usd(attributes, call.model, call.start_ns)
    return None if price is None else float(price)

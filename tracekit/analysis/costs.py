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
    """The usage and cost of the agents of one name: their own calls, without those of their subagents.

    `cost_usd` sums the known prices, in US dollars; it is None where none is known, and `complete` is False where a
    price is not known.
    """

    name: str
    agents: int
    calls: int
    tokens: Tokens
    cost_usd: float | None
    complete: bool


def cost_per_agent(root: Node) -> list[AgentCost]:
    """Return the usage and cost of each agent name below `root`, the most expensive first.

    Calls outside of agents have an empty name. Each call counts once, for the innermost agent around it, so the sum
    over all names is the usage of the run.
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
    """Return the cost of the input of the llm node `call` in US dollars, or None if unknown."""
    if semconv.INPUT_TOKENS not in call.attributes:
        return None
    asked: Mapping[str, object] = {**call.attributes, semconv.OUTPUT_TOKENS: 0, semconv.REASONING_TOKENS: 0}
    return _usd(call, asked)


def usd_if_cached(call: Node, *, read: int, written: int, written_1h: int = 0) -> float | None:
    """Return the cost of the llm node `call` with other numbers of cached tokens, or None if unknown.

    `read` and `written` are the tokens read from and written to the cache; `written_1h` are those of `written` that are
    kept for an hour. In US dollars.
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
    """Return the cost of the llm node `call` in US dollars without the first `tokens` of its input.

    A request begins with the tokens that were read from the cache, then those that were written to it. None if the
    price is not known.
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
    """Return the price of `call` with these `attributes`, in US dollars, or None if it is not known."""
    price = None if call.model is None else price_usd(attributes, call.model, call.start_ns)
    return None if price is None else float(price)

"""Decide whether two requests come from one agent, by their system prompts, tools and models.

An agent is known by its system prompt; without one, by its tools. Prompts are the same if they differ in nothing but
words with a digit (a clock, a counter, an id). They are related if they share a long beginning or one contains the
other (a memory, a plan, a context that was looked up); any other two prompts are two agents.

Three more things may differ: each has tools that the other lacks; the model; and the request quotes the other's
response as the words of a user, not as its own. An agent with the same prompt may differ in one of the three, one with
a related prompt in none.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from tracekit.analysis.structure.calls import LlmCall

__all__ = ["Identity", "identities_of", "identity_of", "is_one_agent"]

Identity: TypeAlias = tuple[str, tuple[str, ...]]
"""The part of a request's set-up that a returning agent has again: the prompt, else the tools."""
_Likeness: TypeAlias = Literal["same", "related", "other"]

_SHARED_WORDS = 8
"""Words at the beginning of two related prompts: descriptions of two roles part sooner."""
_BEARABLE = {"same": 1, "related": 0, "other": -1}
"""The number of further differences that an agent may have, by how alike its prompt is."""


def identity_of(call: LlmCall) -> Identity:
    """Return the identity of the agent that sends the request of `call`."""
    return (call.prompt, ()) if call.prompt else ("", call.offered)


def identities_of(call: LlmCall) -> tuple[Identity, ...]:
    """Return the identities by which the agent may be found again, the more exact one first."""
    exact = (call.system, ()) if call.prompt else ("", call.offered)
    return tuple(dict.fromkeys((exact, identity_of(call))))


def is_one_agent(one: LlmCall, other: LlmCall, *, as_user: bool = False) -> bool:
    """Return whether the requests are set up as one agent.

    `as_user` says that the request of `other` gives the response of `one` as the words of a user.
    """
    tools = _tools(one.offered, other.offered)
    has_prompt = bool(one.prompt or other.prompt)
    likeness = _prompts(one.prompt, other.prompt) if has_prompt else tools
    if as_user and likeness == "same" and one.system != other.system:
        # A number may be all that tells one speaker from another.
        likeness = "related"
    differences = (has_prompt and tools != "same") + (one.model != other.model) + as_user
    return differences <= _BEARABLE[likeness]


def _prompts(one: str, other: str) -> _Likeness:
    if one == other:
        return "same"
    if one in other or other in one:
        return "related"
    begins = [prompt.split(" ", _SHARED_WORDS)[:_SHARED_WORDS] for prompt in (one, other)]
    return "related" if begins[0] == begins[1] and len(begins[0]) == _SHARED_WORDS else "other"


def _tools(one: tuple[str, ...], other: tuple[str, ...]) -> _Likeness:
    """Return "same" if one has all tools of the other, "related" if they have some in common."""
    if one == other:
        return "same"
    ones, others = set(one), set(other)
    if ones <= others or others <= ones:
        return "same"
    return "related" if ones & others else "other"

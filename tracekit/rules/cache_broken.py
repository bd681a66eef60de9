"""A cached prefix was paid for again, since the next request did not match it.

## What it finds

Two consecutive requests of a conversation of which the second read at least 1,024 tokens less from the API's cache
than the first one left there, if all such places of an agent add up to 10,000 tokens or more. The requests are
compared block by block, in the order in which the API caches them (tools, system prompt, messages), up to the last
cache marker of the first request. The first block that differs is the place where the cache broke. The finding names
the cause: changed text, another order of the tools or of the keys in a schema or a tool's input, other tools, another
model or API host, another setting (`tool_choice`, `thinking`, `speed`, `output_config`), a marker that is missing or
comes too early, more than 20 blocks since the last marker, or an expired cache (after 5 minutes or 1 hour, as
requested).

Certain: the requests are recorded byte for byte, and the counts are the API's. Possible, with nothing to change in the
program: a cache that expired after an hour, earlier thinking that the API leaves out, and a miss without any change,
which is the provider's. Nothing is reported where the program or the API shortened the history, in a new conversation,
where the content was not recorded, and where redacted text or an `anthropic-beta` header may hide a change.

## Why it matters

Tokens read from the cache cost a tenth of others or less. Tokens that are written again cost a quarter more than others, or
twice as much if they are kept for an hour.

## Example

    call 3 read 0 of the 21,000 tokens that the call before it had in the cache
    block 1 of the system prompt is the first that differs: 'It is 10:00.' was followed by 'It is 10:01.'

## What to do

Keep everything before the last cache marker as it was: put what changes (a time, an id, a reminder) behind it, sort tools
and keys, and set the marker at the end of each request (`cache_control={"type": "ephemeral"}` on the request does that).

## Settings

None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import fsum

from tracekit import semconv
from tracekit.analysis.caching.blocks import FIVE_MINUTES_NS, ONE_HOUR_NS, PromptBlock
from tracekit.analysis.caching.breaks import Break, breaks_of, cached_tokens
from tracekit.analysis.caching.compare import Cause
from tracekit.analysis.caching.excerpt import parting
from tracekit.analysis.caching.limits import LOOK_BACK, least_tokens
from tracekit.analysis.costs import usd_if_cached
from tracekit.analysis.facts import Facts
from tracekit.formatting import format_count, format_duration
from tracekit.model.finding import Confidence, Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import at, tokens

__all__ = ["RULE"]

_LEAST_TOKENS = 10_000
_MOST_TOLD = 4

_WHY: Mapping[Cause, str] = {
    "host": "they went to another API host",
    "tools": "other tools were defined",
    "order of tools": "the same tools stood in another order",
    "markers": "the cache markers changed",
    "look-back": f"the next marker stood more than {LOOK_BACK} blocks behind",
    "expired": "the cache had expired",
    "thinking dropped": "the API leaves out earlier thinking",
    "provider": "nothing had changed, so the miss is the provider's",
}

_REMEDY: Mapping[Cause, str] = {
    "model": "Keep to one model within a conversation: each model has a cache of its own.",
    "host": "Send all requests of a conversation to one API host: each has a cache of its own.",
    "setting": "Keep SETTING the same within a conversation, or let a request of its own ask for the other value.",
    "text": "Keep what stands before the last cache marker as it was, and put what changes behind it.",
    "tools": "Define the same tools in every request of a conversation; tools that are found by tool search are added "
    "without a break.",
    "order of tools": "Sort the tools before they are sent.",
    "order of keys": "Write keys in one order (`json.dumps(…, sort_keys=True)`).",
    "markers": 'Set a marker at the end of each request: `cache_control={"type": "ephemeral"}` on the request does that.',
    "look-back": "Set another marker within each 20 blocks (a request may have four), so that the one before is found.",
    "expired": 'Ask for the longer lifetime, `"ttl": "1h"`: it costs less here than writing again.',
    "thinking dropped": "Nothing to mend in the requests: models from Opus 4.5 and Sonnet 4.6 on keep earlier thinking.",
    "provider": "Nothing to mend in the requests; if it happens often, ask the provider.",
}


def check(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each agent and each reason for which its cached prefix was not read."""
    for agent in facts.agents:
        groups: dict[tuple[Confidence, str], list[Break]] = {}
        for each in breaks_of(facts, agent):
            groups.setdefault((_confidence(each), _why(each)), []).append(each)
        for (confidence, why), breaks in groups.items():
            if sum(each.tokens for each in breaks) >= _LEAST_TOKENS:
                yield _finding(facts, agent, confidence, why, breaks)


def _confidence(found: Break) -> Confidence:
    if found.cause in ("provider", "thinking dropped"):
        return "possible"
    is_out_of_reach = found.cause == "expired" and not _lives_longer(found)
    return "possible" if is_out_of_reach else "certain"


def _lives_longer(found: Break) -> bool:
    """Return whether a lifetime of an hour would have kept the cache and cost less than writing it again."""
    saved_usd = _saved_usd(found)
    is_within = found.ttl_ns == FIVE_MINUTES_NS and found.idle_ns < ONE_HOUR_NS
    return is_within and (saved_usd is None or saved_usd > 0)


def _why(found: Break) -> str:
    difference = found.at
    if found.cause == "model":
        return f"{found.after.model} took over from {found.before.model}"
    if found.cause == "setting" and difference is not None:
        return f"{difference.setting} changed"
    if difference is None or difference.place is None or found.cause in _WHY:
        return _WHY[found.cause]
    what = {"order of keys": "the keys stood in another order in"}
    return f"{what.get(found.cause, 'the content changed in')} {_section(difference.place)}"


def _section(block: PromptBlock) -> str:
    return {"tools": "the tools", "system": "the system prompt", "messages": "an earlier message"}[block.section]


def _place(block: PromptBlock) -> str:
    """Return the place of the block for people: ``tool 3 (search)``, ``block 2 of the system prompt``."""
    if block.section == "tools":
        return f"tool {block.number} ({block.name})"
    if block.section == "system":
        return f"block {block.number} of the system prompt"
    return f"block {block.number} of message {block.message}"


def _finding(facts: Facts, agent: Node, confidence: Confidence, why: str, breaks: Sequence[Break]) -> Finding:
    total = sum(each.tokens for each in breaks)
    cause, first = breaks[0].cause, breaks[0].at
    saved = [_saved_usd(each) for each in breaks]
    known = [usd for usd in saved if usd is not None]
    name = first.setting if first is not None else ""
    return RULE.finding(
        confidence,
        f"{agent.agent} did not read {tokens(total)} that it had in the cache, in {format_count(len(breaks), 'call')}: {why}",
        evidence=[*_evidence(facts, breaks), *_prices(breaks)],
        spans=[agent.id, *(each.after.id for each in breaks)],
        saved_usd=fsum(known) if confidence == "certain" and len(known) == len(saved) else None,
        remedy=_REMEDY[cause].replace("SETTING", name)
        if confidence == "certain" or cause != "expired"
        else "Nothing to mend: no lifetime that can be asked for would have kept it for less.",
    )


def _evidence(facts: Facts, breaks: Sequence[Break]) -> Iterator[str]:
    origin = facts.run.root.start_ns
    for each in breaks[:_MOST_TOLD]:
        when = f"the call at {at(each.after.start_ns, origin)} s"
        lost = tokens(cached_tokens(each.before))
        yield f"{when} read {each.after.tokens.cache_read:,} of the {lost} that the call before it had in the cache"
        yield from _difference(facts, each)
    if len(breaks) > _MOST_TOLD:
        yield f"and {len(breaks) - _MOST_TOLD} more calls"


def _difference(facts: Facts, found: Break) -> Iterator[str]:
    difference = found.at
    if found.cause == "expired":
        asked = "1 hour" if found.ttl_ns == ONE_HOUR_NS else "5 minutes"
        yield f"it was last used {format_duration(found.idle_ns)} before, and kept for {asked}"
    elif difference is not None and difference.place is not None:
        yield f"{_place(difference.place)} is the first that differs{parting(facts, found)}"
    least = least_tokens(found.after.model or "")
    if found.cause == "model" and found.after.tokens.input < least:
        yield f"{found.after.model} caches nothing under {tokens(least)}"
    if found.cause not in ("expired", "provider") and found.idle_ns >= found.ttl_ns:
        yield f"the cache had expired as well: it was last used {format_duration(found.idle_ns)} before"


# ── money ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _prices(breaks: Sequence[Break]) -> Iterator[str]:
    again = sum(min(each.tokens, each.after.tokens.cache_write) for each in breaks)
    extra = [_extra_usd(each) for each in breaks]
    known = [usd for usd in extra if usd is not None]
    consequence = f"{tokens(again)} were written to the cache again" if again else "they were paid for as plain input"
    if len(known) == len(extra):
        consequence += f", for ${fsum(known):.4f} more than reading them would have cost"
    yield consequence


def _extra_usd(found: Break) -> float | None:
    """Return the cost of the call beyond what it would have cost with the lost tokens read from the cache."""
    call = found.after
    written = max(0, call.tokens.cache_write - found.tokens)
    one_hour = min(written, _written_1h(call))
    usd = usd_if_cached(call, read=call.tokens.cache_read + found.tokens, written=written, written_1h=one_hour)
    return None if usd is None or call.cost_usd is None else call.cost_usd - usd


def _saved_usd(found: Break) -> float | None:
    """Return the extra cost less the cost of the remedy, which is to write the cache for an hour."""
    extra = _extra_usd(found)
    if extra is None or found.cause != "expired":
        return extra
    cached = cached_tokens(found.before)
    short, long = (usd_if_cached(found.before, read=0, written=cached, written_1h=kept) for kept in (0, cached))
    return None if short is None or long is None else extra - (long - short)


def _written_1h(call: Node) -> int:
    value = call.attributes.get(semconv.CACHE_WRITE_1H_TOKENS, 0)
    return value if isinstance(value, int) else 0


RULE = Rule("TK305", "cache-broken", check, __doc__)

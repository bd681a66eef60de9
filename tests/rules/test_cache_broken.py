"""TK305: where a cached prefix stopped matching, why, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from fixtures.make_rules import FOLDER
from tests.support.build import Builder, assistant, result, said, use, user
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.journal.reader import read_run
from tracekit.model.finding import Finding
from tracekit.model.tree import Run
from tracekit.rules import Options, findings_of

SONNET, OPUS, HAIKU = "claude-sonnet-4-5", "claude-opus-4-5", "claude-haiku-4-5"
MARK: dict[str, Any] = {"type": "ephemeral"}
HOUR: dict[str, Any] = {"type": "ephemeral", "ttl": "1h"}
SEARCH = {"name": "search", "description": "Search.", "input_schema": {"type": "object", "properties": {"q": {}}}}
READ = {"name": "read", "description": "Read.", "input_schema": {"type": "object", "properties": {"path": {}}}}
MINUTE = 60_000


@dataclass(frozen=True)
class Sent:
    """A request, and what the API counted: `read` and `written` of `tokens`. It was sent `at` milliseconds."""

    messages: Sequence[dict[str, Any]]
    read: int = 0
    written: int = 0
    tokens: int = 0
    written_1h: int = 0
    at: int | None = None
    says: Sequence[dict[str, Any]] = ()
    model: str = SONNET
    more: dict[str, Any] = field(default_factory=lambda: {"cache_control": MARK})
    attributes: dict[str, Any] = field(default_factory=dict)


def run_of(*sent: Sent, content: str = "full") -> Run:
    build = Builder()
    build._segment = replace(build._segment, content=content)
    starts = [1000 * number if each.at is None else each.at for number, each in enumerate(sent)]
    build.span("root", "run", 0, starts[-1] + 2000)
    build.agent("lead", 0, starts[-1] + 1000, "root")
    for number, (start, each) in enumerate(zip(starts, sent, strict=True)):
        turn = build.span(f"turn{number}", "turn", start, start + 500, "lead")
        answer = list(each.says) or [said(f"Answer number {number}.")]
        id = build.call(f"llm{number}", start, start + 500, each.messages, answer, parent=turn, **each.more)
        usage = {
            semconv.REQUEST_MODEL: each.model,
            semconv.INPUT_TOKENS: each.tokens or each.read + each.written + 100,
            semconv.OUTPUT_TOKENS: 50,
            semconv.CACHE_READ_TOKENS: each.read,
            semconv.CACHE_WRITE_TOKENS: each.written,
            semconv.CACHE_WRITE_1H_TOKENS: each.written_1h,
            **each.attributes,
        }
        build.spans[id] = replace(build.spans[id], attributes=usage)
    return structure(build.recording())


def found(*sent: Sent, content: str = "full") -> list[Finding]:
    return findings_of(run_of(*sent, content=content), Options(select=("TK305",)))


def turns(count: int, first: str = "Go.") -> list[dict[str, Any]]:
    """A history of `count` questions, and the answers that `run_of` gives."""
    messages = [user(first)]
    for number in range(count - 1):
        messages += [assistant(said(f"Answer number {number}.")), user(f"And {number}?")]
    return messages


def pair(before: dict[str, Any], after: dict[str, Any], *, read: int = 0, **more: Any) -> tuple[Sent, Sent]:
    """Two requests of one conversation; the first had 20,000 tokens in the cache, of which the second read `read`."""
    first = Sent(turns(1), written=20_000, more=before)
    return first, Sent(turns(2), **{"read": read, "written": 21_000 - read, "more": after, **more})


BASE: dict[str, Any] = {"cache_control": MARK, "system": "You lead.", "tools": [SEARCH, READ]}

CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "system": (
        {"system": "It is 10:00. You lead."},
        {"system": "It is 10:01. You lead."},
        "the content changed in the system prompt",
        "block 1 of the system prompt is the first that differs: 'It is 10:00. You lead.' was followed by 'It is 10:01. You lead.'",
    ),
    "a tool's text": (
        {},
        {"tools": [SEARCH, {**READ, "description": "Read a file."}]},
        "the content changed in the tools",
        "tool 2 (read) is the first that differs",
    ),
    "order of tools": (
        {},
        {"tools": [READ, SEARCH]},
        "the same tools stood in another order",
        "tool 1 (search) is the first that differs",
    ),
    "a tool more": (
        {"tools": [SEARCH]},
        {},
        "other tools were defined",
        "tool 2 (read) is the first that differs",
    ),
    "a tool less": ({}, {"tools": [READ]}, "other tools were defined", "tool 1 (search) is the first that differs: "),
    "order of keys": (
        {},
        {"tools": [{**SEARCH, "input_schema": {"properties": {"q": {}}, "type": "object"}}, READ]},
        "the keys stood in another order in the tools",
        "tool 1 (search) is the first that differs",
    ),
    "tool choice": ({}, {"tool_choice": {"type": "any"}}, "tool_choice changed", ""),
    "thinking": ({}, {"thinking": {"type": "enabled", "budget_tokens": 2000}}, "thinking changed", ""),
    "effort": (
        {"output_config": {"effort": "low"}},
        {"output_config": {"effort": "high"}},
        "output_config.effort changed",
        "",
    ),
    "speed": ({}, {"speed": "fast"}, "speed changed", ""),
    "no marker": ({}, {"cache_control": None}, "the cache markers changed", ""),
    "a marker before": (
        {},
        {"cache_control": None, "system": [{"type": "text", "text": "You lead.", "cache_control": MARK}]},
        "the cache markers changed",
        "",
    ),
    "another lifetime": ({}, {"cache_control": HOUR}, "the cache markers changed", ""),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changed_is_told_with_its_place(name: str) -> None:
    before, after, why, where = CHANGES[name]
    (finding,) = found(*pair({**BASE, **before}, {**BASE, **after}))
    assert finding.confidence == "certain"
    assert finding.message == f"lead did not read 20,000 tokens that it had in the cache, in 1 call: {why}"
    assert (
        finding.evidence[0] == "the call at 1.00 s read 0 of the 20,000 tokens that the call before it had in the cache"
    )
    assert not where or any(line.startswith(where) for line in finding.evidence)
    assert finding.spans == ("lead", "llm1")


def moved(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text, "cache_control": MARK}]


ALIKE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": (BASE, BASE),
    "a marker that moved along": (
        {**BASE, "system": moved("You lead.")},
        {**BASE, "system": "You lead."},
    ),
    "a default that is written out": (
        BASE,
        {**BASE, "tool_choice": {"type": "auto"}, "output_config": {"effort": "high"}},
    ),
    "keys of a block in another order": (
        {**BASE, "system": [{"type": "text", "text": "You lead."}]},
        {**BASE, "system": [{"text": "You lead.", "type": "text"}]},
    ),
}


@pytest.mark.parametrize("name", ALIKE)
def test_a_miss_with_nothing_changed_is_the_providers(name: str) -> None:
    (finding,) = found(*pair(*ALIKE[name]))
    assert finding.confidence == "possible"
    assert finding.message.endswith("nothing had changed, so the miss is the provider's")
    assert finding.saved_usd is None


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_lost_nothing_is_no_break(name: str) -> None:
    before, after, *_ = CHANGES[name]
    assert found(*pair({**BASE, **before}, {**BASE, **after}, read=20_000)) == []


def test_another_model_has_a_cache_of_its_own() -> None:
    (finding,) = found(*pair(BASE, BASE, model=OPUS))
    assert finding.message.endswith(f"{OPUS} took over from {SONNET}")


def test_a_model_that_caches_nothing_so_short_is_told() -> None:
    first = Sent(turns(1), written=12_000)
    (finding,) = found(first, Sent(turns(2), tokens=12_500, model=HAIKU))
    assert not any("caches nothing" in line for line in finding.evidence)
    short = [Sent(turns(number), written=3900, at=number * 1000, model=SONNET) for number in (1, 3, 5)]
    other = [Sent(turns(number), tokens=4000, at=number * 1000, model=HAIKU) for number in (2, 4, 6)]
    (finding,) = found(*[each for two in zip(short, other, strict=True) for each in two])
    assert f"{HAIKU} caches nothing under 4,096 tokens" in finding.evidence


def test_the_message_that_changed_is_told() -> None:
    before, after = turns(1, "Go. <time>10:00</time>"), turns(2, "Go. <time>10:01</time>")
    (finding,) = found(Sent(before, written=20_000), Sent(after, written=21_000))
    assert finding.message.endswith("the content changed in an earlier message")
    assert (
        "block 1 of message 1 is the first that differs: 'Go. <time>10:00</time>' was followed by 'Go. <time>10:01</time>'"
        in finding.evidence
    )


def test_keys_of_a_tools_input_in_another_order_are_told() -> None:
    asks = [user("Go."), assistant(use("u", "read", path="a", line=1)), user([result("u", "Text.")])]
    again = [user("Go."), assistant(use("u", "read", line=1, path="a")), user([result("u", "Text.")])]
    later = [*again, assistant(said("Answer number 0.")), user("And?")]
    (finding,) = found(Sent(asks, written=20_000), Sent(later, written=21_000))
    assert finding.message.endswith("the keys stood in another order in an earlier message")


def test_what_stands_behind_the_last_marker_may_change() -> None:
    system = [{"type": "text", "text": "You lead.", "cache_control": MARK}, {"type": "text", "text": "It is 10:00."}]
    later = [system[0], {"type": "text", "text": "It is 10:01."}]
    first, second = pair({"system": system}, {"system": later})
    assert found(first, replace(second, read=20_000)) == []
    (finding,) = found(first, second)
    assert finding.message.endswith("the miss is the provider's")


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("marker", "minutes", "confidence", "why"),
    [
        (MARK, 4, "possible", "nothing had changed, so the miss is the provider's"),
        (MARK, 6, "certain", "the cache had expired"),
        (MARK, 61, "possible", "the cache had expired"),
        (HOUR, 59, "possible", "nothing had changed, so the miss is the provider's"),
        (HOUR, 61, "possible", "the cache had expired"),
    ],
)
def test_a_cache_lives_as_long_as_was_asked_for(
    marker: dict[str, Any], minutes: int, confidence: str, why: str
) -> None:
    more = {**BASE, "cache_control": marker}
    (finding,) = found(*pair(more, more, at=minutes * MINUTE))
    assert (finding.confidence, finding.message.partition(": ")[2]) == (confidence, why)
    assert (finding.saved_usd is not None) == (confidence == "certain")


def test_each_use_of_the_cache_makes_it_live_longer() -> None:
    # A call that reads all that was cached, whose own answer the next one does not go on from.
    first, read = Sent(turns(1), written=20_000), Sent(turns(1), read=20_000, at=4 * MINUTE, says=[said("A sample.")])
    (finding,) = found(first, read, Sent(turns(2), written=21_000, at=8 * MINUTE))
    assert finding.message.endswith("the miss is the provider's")


def test_a_change_that_had_expired_too_says_both() -> None:
    (finding,) = found(*pair(BASE, {**BASE, "system": "You follow."}, at=6 * MINUTE))
    assert finding.message.endswith("the content changed in the system prompt")
    assert "the cache had expired as well: it was last used 6 m 00 s before" in finding.evidence


# ── the look-back ────────────────────────────────────────────────────────────────────────────────────────────────────


def long_turn(*blocks: dict[str, Any]) -> list[dict[str, Any]]:
    return [user("Go."), assistant(said("Answer number 0.")), user(list(blocks))]


def texts(count: int) -> list[dict[str, Any]]:
    return [said(f"Part {number}.") for number in range(count)]


@pytest.mark.parametrize(
    ("blocks", "why"), [(18, "provider's"), (19, "the next marker stood more than 20 blocks behind")]
)
def test_twenty_places_are_looked_up(blocks: int, why: str) -> None:
    # The marker's own place counts, the entry's too, and the answer stands between.
    (finding,) = found(Sent(turns(1), written=20_000), Sent(long_turn(*texts(blocks)), written=21_000))
    assert finding.message.endswith(why)


def test_a_second_marker_within_reach_is_looked_up_from_too() -> None:
    marked = texts(30)
    marked[5]["cache_control"] = MARK
    (finding,) = found(Sent(turns(1), written=20_000), Sent(long_turn(*marked), written=21_000))
    assert finding.message.endswith("provider's")


def test_tool_results_that_follow_one_another_are_one_place() -> None:
    uses = [use(f"u{number}", "read", path=str(number)) for number in range(25)]
    results = [result(f"u{number}", "Text.") for number in range(25)]
    later = [user("Go."), assistant(*uses), user(results)]
    first = Sent(turns(1), written=20_000, says=uses)
    (finding,) = found(first, Sent(later, written=21_000))
    assert finding.message.endswith("provider's")
    bedrock = {semconv.PROVIDER_NAME: "aws.bedrock"}
    (finding,) = found(replace(first, attributes=bedrock), Sent(later, written=21_000, attributes=bedrock))
    assert finding.message.endswith("more than 20 blocks behind")


def test_four_markers_are_looked_up_from() -> None:
    system = [{**said(f"Rule {number}."), "cache_control": MARK} for number in range(2)]
    tools = [SEARCH, {**READ, "cache_control": MARK}]
    first = Sent(turns(1), written=20_000, more={"system": system, "tools": tools, "cache_control": MARK})
    changed = {"system": [system[0], {**said("Rule 2."), "cache_control": MARK}], "tools": tools, "cache_control": MARK}
    (finding,) = found(first, Sent(turns(2), read=8000, written=13_000, more=changed))
    assert (
        "block 2 of the system prompt is the first that differs: 'Rule 1.' was followed by 'Rule 2.'"
        in finding.evidence
    )
    assert finding.message.startswith("lead did not read 12,000 tokens")


# ── what is no break ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_history_that_was_cut_is_no_break() -> None:
    whole = turns(6)
    cut = [user("In short: we went on."), *whole[7:], assistant(said("Answer number 0.")), user("And now?")]
    first = Sent(whole, written=20_000)
    assert found(first, Sent(cut, written=9000)) == []
    # It was cut, and a longer question was asked.
    assert found(first, Sent(cut, written=30_000)) == []
    emptied = [user("Go."), assistant(use("u", "read", path="a")), user([result("u", "Text. " * 500)])]
    cleared = [*emptied[:2], user([result("u", "[cleared]")]), assistant(said("Answer number 0.")), user("And?")]
    assert found(Sent(emptied, written=20_000), Sent(cleared, written=21_000)) == []


def test_a_new_conversation_is_no_break() -> None:
    assert found(Sent(turns(2), written=20_000), Sent([user("Something else.")], written=19_000)) == []
    # One document, and two tasks.
    tasks = [Sent(turns(1), written=20_000, more={**BASE, "system": text}) for text in ("Sum up.", "List the risks.")]
    assert found(*tasks) == []


def test_two_conversations_with_one_answer_are_not_mixed_up() -> None:
    says = [said("All is well with this file.")]
    one, other = Sent([user("A?")], written=20_000, says=says), Sent([user("B?")], written=20_000, says=says)
    later = [Sent([user(which), assistant(*says), user("Sure?")], read=20_000, written=100) for which in ("A?", "B?")]
    assert found(one, other, *later) == []
    lost = [replace(each, read=0, written=20_100) for each in later]
    assert [each.message.partition(": ")[2] for each in found(one, other, *lost)] == [
        "nothing had changed, so the miss is the provider's"
    ]


def test_tools_that_are_loaded_on_demand_may_come_and_go() -> None:
    more = {**BASE, "tools": [*BASE["tools"], {**SEARCH, "name": "later", "defer_loading": True}]}
    (finding,) = found(*pair(BASE, more))
    assert finding.message.endswith("the miss is the provider's")


def test_requests_at_one_time_are_no_break() -> None:
    assert found(Sent(turns(1), written=20_000), Sent(turns(1), written=20_000, at=100)) == []


def test_what_was_not_recorded_is_not_judged() -> None:
    changed = pair(BASE, {**BASE, "system": "You follow."})
    assert found(*changed, content="metadata") == []
    held = replace(
        changed[1], more={**changed[1].more, "thread": {"type": "continue", "previous_message_id": "msg_llm0"}}
    )
    assert found(changed[0], held) == []


def test_where_a_redacted_text_may_hide_a_change_nothing_is_said() -> None:
    more = {**BASE, "system": "Mail to [redacted:email]."}
    assert found(*pair(more, more)) == []


def test_counts_of_several_answers_are_not_compared() -> None:
    before, after = pair(BASE, {**BASE, "system": "You follow."})
    assert found(before, replace(after, attributes={semconv.WEB_SEARCHES: 1})) == []


def test_earlier_thinking_that_the_api_leaves_out() -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "x"}
    asked = [user("Go."), assistant(thought, use("u", "read", path="a")), user([result("u", "Text.")])]
    later = [*asked, assistant(said("Answer number 0.")), user("And now?")]
    (finding,) = found(Sent(asked, written=20_000), Sent(later, read=5000, written=16_000))
    assert (finding.confidence, finding.message.partition(": ")[2]) == (
        "possible",
        "the API leaves out earlier thinking",
    )
    kept = [Sent(asked, written=20_000, model=OPUS), Sent(later, read=5000, written=16_000, model=OPUS)]
    assert found(*kept)[0].message.endswith("provider's")


def test_a_little_lost_is_not_told() -> None:
    assert found(*pair(BASE, {**BASE, "system": "You follow."}, read=19_000)) == []
    assert found(*pair(BASE, {**BASE, "system": "You follow."}, read=11_000)) == []


# ── money, by hand ───────────────────────────────────────────────────────────────────────────────────────────────────

# Per million tokens on claude-sonnet-4-5: $3 in, $0.30 from the cache, $3.75 and $6 to the cache for 5 minutes and 1 hour;
# on claude-haiku-4-5 $1, $0.10, $1.25 and $2; on claude-opus-4-5 $5, $0.50, $6.25 and $10.
PRICES: dict[str, tuple[tuple[Sent, ...], float]] = {
    # 20,000 tokens written at $3.75 in place of read at $0.30: 0.02 x 3.45.
    "written again": (pair(BASE, {**BASE, "system": "You follow."}), 0.069),
    # 12,000 of the 20,000 were lost: 0.012 x 3.45.
    "a part": (pair(BASE, {**BASE, "system": "You follow."}, read=8000), 0.0414),
    # Written for an hour at $6: 0.02 x 5.70.
    "for an hour": (
        pair(
            {**BASE, "cache_control": HOUR},
            {**BASE, "cache_control": HOUR, "system": "You follow."},
            written=21_000,
            written_1h=21_000,
        ),
        0.114,
    ),
    # No marker: 20,000 tokens as plain input at $1 in place of read at $0.10 on Haiku: 0.02 x 0.90.
    "as plain input": (
        tuple(
            replace(each, model=HAIKU) for each in pair(BASE, {**BASE, "cache_control": None}, written=0, tokens=21_100)
        ),
        0.018,
    ),
    # On Opus, written again at $6.25 in place of read at $0.50, less $3.75 more for an hour's write: 0.02 x (5.75 - 3.75).
    "expired": (tuple(replace(each, model=OPUS) for each in pair(BASE, BASE, at=6 * MINUTE)), 0.04),
}


@pytest.mark.parametrize("name", PRICES)
def test_the_price(name: str) -> None:
    sent, usd = PRICES[name]
    (finding,) = found(*sent)
    assert finding.saved_usd == pytest.approx(usd, abs=1e-9)


def test_the_price_is_told_in_words() -> None:
    (finding,) = found(*pair(BASE, {**BASE, "system": "You follow."}))
    assert finding.evidence[-1] == (
        "20,000 tokens were written to the cache again, for $0.0690 more than reading them would have cost"
    )


def test_what_the_hit_says() -> None:
    (finding,) = findings_of(structure(read_run([FOLDER / "TK305-hit.jsonl"])))
    assert finding.message == (
        "agent-1 did not read 25,200 tokens that it had in the cache, in 3 calls: the content changed in the system prompt"
    )
    assert finding.evidence == (
        "the call at 1.11 s read 0 of the 7,400 tokens that the call before it had in the cache",
        (
            "block 1 of the system prompt is the first that differs: '…ontracts. It is 10:00.' was followed by "
            "'…ontracts. It is 10:01.'"
        ),
        "the call at 2.16 s read 0 of the 8,400 tokens that the call before it had in the cache",
        (
            "block 1 of the system prompt is the first that differs: '…ontracts. It is 10:01.' was followed by "
            "'…ontracts. It is 10:02.'"
        ),
        "the call at 3.21 s read 0 of the 9,400 tokens that the call before it had in the cache",
        (
            "block 1 of the system prompt is the first that differs: '…ontracts. It is 10:02.' was followed by "
            "'…ontracts. It is 10:03.'"
        ),
        "25,200 tokens were written to the cache again, for $0.0605 more than reading them would have cost",
    )
    assert finding.remedy == "Keep what stands before the last cache marker as it was, and put what changes behind it."

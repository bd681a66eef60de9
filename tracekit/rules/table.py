"""The one table of codes."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from tracekit.errors import SettingsError
from tracekit.rules import (
    blocked_event_loop,
    cache_broken,
    carried_results,
    large_model,
    left_open,
    narrow_fan_out,
    own_rate_limit,
    resent_request,
    retries_exhausted,
    retry_storm,
    same_call_twice,
    serial_agents,
    serial_batch,
    split_turns,
    straggler,
    truncated_answer,
    uncached_prefix,
    unused_result,
    unused_tools,
    waits_dominate,
)
from tracekit.rules.rule import Rule

__all__ = ["GROUP", "OWN", "all_rules", "chosen", "markdown", "rule_called"]

OWN: tuple[Rule, ...] = (
    blocked_event_loop.RULE,
    serial_batch.RULE,
    split_turns.RULE,
    narrow_fan_out.RULE,
    straggler.RULE,
    serial_agents.RULE,
    retry_storm.RULE,
    retries_exhausted.RULE,
    own_rate_limit.RULE,
    waits_dominate.RULE,
    uncached_prefix.RULE,
    same_call_twice.RULE,
    large_model.RULE,
    carried_results.RULE,
    cache_broken.RULE,
    unused_tools.RULE,
    resent_request.RULE,
    truncated_answer.RULE,
    unused_result.RULE,
    left_open.RULE,
)
"""The rules that tracekit brings, in the order of their codes."""

GROUP = "tracekit.rules"
"""The entry-point group in which other packages name rules of their own."""


@cache
def all_rules() -> tuple[Rule, ...]:
    """Our own rules, and those that installed packages bring.

    Raises:
        SettingsError: One of these cannot be loaded, is no `Rule`, or takes a code that another has.
    """
    found = {rule.code: rule for rule in OWN}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            rule = entry.load()
        except Exception as error:
            raise SettingsError(f"the rule {entry.name} of {entry.value} cannot be loaded: {error!r}") from error
        if not isinstance(rule, Rule):
            raise SettingsError(f"the rule {entry.name} of {entry.value} is not a tracekit.rules.rule.Rule: {rule!r}")
        if rule.code in found:
            raise SettingsError(f"two rules have the code {rule.code}: {found[rule.code].name} and {rule.name}")
        found[rule.code] = rule
    return tuple(found[code] for code in sorted(found, key=lambda code: (code[:2] != "TK", code)))


def rule_called(text: str) -> Rule | None:
    """The rule with this code or name."""
    return next((rule for rule in all_rules() if text.upper() == rule.code or text.lower() == rule.name), None)


def chosen(select: tuple[str, ...], ignore: tuple[str, ...]) -> tuple[Rule, ...]:
    """Return the rules that `select` (all if empty) but not `ignore` names, by codes, beginnings or names.

    Raises:
        SettingsError: One of these means no rule.
    """
    for text in (*select, *ignore):
        if not any(_means(text, rule) for rule in all_rules()):
            raise SettingsError(f"{text!r} means no rule; `tracekit rule --list` lists them")
    return tuple(
        rule
        for rule in all_rules()
        if (not select or any(_means(text, rule) for text in select)) and not any(_means(text, rule) for text in ignore)
    )


def _means(text: str, rule: Rule) -> bool:
    return bool(text) and (rule.code.startswith(text.upper()) or rule.name == text.lower())


def markdown(rules: tuple[Rule, ...] | None = None) -> str:
    """The table of `rules`, by default all, in Markdown: code, name, and what each finds."""
    lines = ["| code | rule | what it finds |", "|---|---|---|"]
    lines += [f"| {rule.code} | `{rule.name}` | {rule.summary} |" for rule in (all_rules() if rules is None else rules)]
    return "\n".join(lines)

"""A project's settings for checks, in ``[tool.tracekit.check]`` of its ``pyproject.toml``.

[tool.tracekit.check]
select = ["TK1", "TK2"]
ignore = ["TK105"]
fail-on = "likely"
min-saving = "2s"
concurrency = 8

[[tool.tracekit.check.suppress]]
rule = "TK103"
where = "research_agent"
reason = "the second search builds on the first, in our users' words"
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from tracekit.analysis.lineage.effects import TOOL_EFFECTS
from tracekit.errors import SettingsError
from tracekit.model.finding import CONFIDENCES, Confidence, Finding
from tracekit.model.tree import Run
from tracekit.rules.check import Options
from tracekit.rules.rule import names_of
from tracekit.rules.table import all_rules, chosen
from tracekit.settings import Settings

__all__ = ["CheckSettings", "Suppression", "check_settings", "milliseconds", "sort_out"]

_UNITS = {"ms": 1.0, "s": 1000.0, "m": 60_000.0, "min": 60_000.0, "h": 3_600_000.0, "": 1000.0}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|)\s*")
_KEYS = ("select", "ignore", "fail-on", "min-saving", "concurrency", "suppress")


@dataclass(frozen=True, slots=True)
class Suppression:
    """An accepted kind of finding: those of `rule` about an agent, tool or run called `where`."""

    rule: str
    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """The settings of a project's checks: options, the confidence that fails, and suppressions."""

    options: Options
    fail_on: Confidence = "likely"
    suppressions: tuple[Suppression, ...] = ()


def check_settings(settings: Settings) -> CheckSettings:
    """Return the settings of checks in `settings`.

    Raises:
        SettingsError: They say what cannot be meant.
    """
    table = settings.table.get("check", {})
    where = settings.where.replace("[tool.tracekit]", "[tool.tracekit.check]")
    if not isinstance(table, dict):
        raise SettingsError(f"{where} is {table!r}; it must be a table")
    unknown = sorted(set(table) - set(_KEYS))
    if unknown:
        raise SettingsError(f"{where} has {', '.join(unknown)}; it may have {', '.join(_KEYS)}")
    options = Options(_words(table, "select", where), _words(table, "ignore", where))
    if "min-saving" in table:
        options = replace(options, min_saving_ms=milliseconds(str(table["min-saving"]), f"min-saving in {where}"))
    if "concurrency" in table:
        options = replace(options, concurrency=_positive(table["concurrency"], where))
    fail_on = table.get("fail-on", "likely")
    if fail_on not in CONFIDENCES:
        raise SettingsError(f"fail-on in {where} is {fail_on!r}; it may be {', '.join(CONFIDENCES)}")
    given = table.get("suppress", [])
    if not isinstance(given, list):
        raise SettingsError(f"suppress in {where} is not a list of tables; write [[tool.tracekit.check.suppress]]")
    suppressions = tuple(_suppression(each, where) for each in given)
    # A package whose rule cannot be loaded is not the fault of these settings.
    all_rules()
    try:
        chosen(options.select, options.ignore)
        chosen(tuple(each.rule for each in suppressions), ())
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from error
    options = replace(options, tools=_tools(settings))
    return CheckSettings(options, cast("Confidence", fail_on), suppressions)


def milliseconds(text: str, what: str) -> float:
    """The duration that `text` means: ``2s``, ``500ms``, ``1.5 s``, ``2m``, ``1h``; a bare number is seconds.

    Raises:
        SettingsError: It means none; `what` says of what it was.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise SettingsError(f"{what} is {text!r}; it must be a duration such as 2s, 500ms or 1m")
    return float(match[1]) * _UNITS[match[2]]


def sort_out(
    run: Run, findings: Sequence[Finding], suppressions: Sequence[Suppression]
) -> tuple[list[Finding], list[tuple[Finding, Suppression]]]:
    """Split `findings` into those that stand and those that a suppression accepts, each with it."""
    names = names_of(run)
    stand: list[Finding] = []
    accepted: list[tuple[Finding, Suppression]] = []
    for finding in findings:
        about = {run.name, *(name for span in finding.spans for name in names.get(span, ()))}
        by = next((each for each in suppressions if _covers(each, finding, about)), None)
        if by is None:
            stand.append(finding)
        else:
            accepted.append((finding, by))
    return stand, accepted


def _covers(suppression: Suppression, finding: Finding, about: set[str]) -> bool:
    rule = suppression.rule
    is_rule = finding.code.startswith(rule.upper()) or finding.rule == rule.lower()
    return is_rule and (not suppression.where or suppression.where in about)


def _suppression(given: Any, where: str) -> Suppression:
    if not isinstance(given, Mapping) or not set(given) <= {"rule", "where", "reason"} or not given.get("rule"):
        raise SettingsError(f"a suppression in {where} is {given!r}; it needs rule and reason, and may have where")
    reason = str(given.get("reason", "")).strip()
    if not reason:
        raise SettingsError(f"the suppression of {given['rule']} in {where} has no reason: say why it is accepted")
    return Suppression(str(given["rule"]), str(given.get("where", "")), reason)


def _words(table: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    value = table.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SettingsError(f"{name} in {where} is {value!r}; it must be a list of codes or names of rules")
    return tuple(value)


def _tools(settings: Settings) -> dict[str, str]:
    """Return what ``[tool.tracekit.tools]`` says of the effects of tools, by their names."""
    table = settings.table.get("tools", {})
    where = settings.where.replace("[tool.tracekit]", "[tool.tracekit.tools]")
    if not isinstance(table, dict):
        raise SettingsError(f"{where} is {table!r}; it must be a table of tools")
    for name, effects in table.items():
        if effects not in TOOL_EFFECTS:
            raise SettingsError(f"{name} in {where} is {effects!r}; it may be {', '.join(TOOL_EFFECTS)}")
    return dict(table)


def _positive(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise SettingsError(f"concurrency in {where} is {value!r}; it must be a whole number from 1 on")
    return value

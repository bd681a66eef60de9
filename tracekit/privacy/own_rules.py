"""The user's own rules of redaction: regular expressions over all recorded text, from ``[tool.tracekit.redact]``.

A rule sees texts as they were before JSON or a URL escaped them, one string at a time: a name, a message, a key or a
value in a tool's input, also within JSON that is itself a text. Numbers are no texts. Each match becomes ``[redacted:NAME]``, the same for every match, so a
recording's rules can be applied again to whatever is compared with it. A text on which a rule takes too long is
withheld as a whole.
"""

from __future__ import annotations

import json
import logging
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from functools import partial
from time import thread_time

from tracekit.errors import SettingsError
from tracekit.model.json_text import compact
from tracekit.origin import pass_on
from tracekit.privacy.memo import memo_key
from tracekit.privacy.patterns import Pattern, PatternError, PatternTimeoutError
from tracekit.privacy.placeholders import PLACEHOLDER, placeholder
from tracekit.privacy.texts import rewritten_value
from tracekit.settings import project_settings

__all__ = ["OwnRules", "RuleTimeoutError", "TimeBudget", "own_rules", "recorded_rules"]

_log = logging.getLogger("tracekit")

_PLACES = re.compile(f"({PLACEHOLDER.pattern})")
_NAME = re.compile(r"[^\[\]\x00-\x1f]{1,64}")
_BASE_S = 0.01
_S_A_CHARACTER = 18e-9
"""More than slow patterns take for a character where they are linear: the slowest seen takes 13 ns."""
_MOST_RULES = 100
_LONG = 256
_MOST_KNOWN = 1 << 14
_MOST_CUT = 3
_JSON_BEGINS = ("{", "[", '"')


class RuleTimeoutError(Exception):
    """A rule took too long on a text. `name` is the rule's."""

    def __init__(self, name: str, characters: int) -> None:
        super().__init__(f"the rule {name!r} takes too long on a text of {characters:,} characters")
        self.name = name


def own_rules() -> OwnRules:
    """Read the rules of the project in whose folder the process stands.

    Raises:
        SettingsError: A rule is no regular expression.
    """
    settings = project_settings()
    table = settings.table.get("redact", {})
    if not isinstance(table, Mapping):
        raise SettingsError(
            f"{settings.where}: redact = {table!r} is not a table; write one rule a line: NAME = 'PATTERN'"
        )
    patterns: dict[str, Pattern] = {}
    for name, pattern in table.items():
        try:
            patterns[_checked_name(name)] = Pattern(pattern)
        except PatternError as error:
            raise SettingsError(
                f"{settings.where}: redact.{name} = {pattern!r} is not a regular expression that can be used: {error}"
            ) from error
    return OwnRules(patterns)


def recorded_rules(redaction: Iterable[object], *, is_strict: bool = False) -> OwnRules:
    """Return the rules that a recording's header lists with their patterns; its other entries name built-in rules.

    The header may be a stranger's.

    Raises:
        PatternError: With `is_strict`, one of them cannot be used; else it is left out.
    """
    patterns: dict[str, Pattern] = {}
    listed = [rule for rule in redaction if isinstance(rule, Mapping)]
    if is_strict and len(listed) > _MOST_RULES:
        raise PatternError(f"it has {len(listed)} rules of redaction; it may have {_MOST_RULES}")
    for rule in listed[:_MOST_RULES]:
        name, pattern = rule.get("name"), rule.get("pattern")
        if isinstance(name, str) and name in patterns and patterns[name].text == pattern:
            continue
        try:
            patterns[_checked_name(name)] = Pattern(pattern)
        except PatternError as error:
            if is_strict:
                raise PatternError(f"its rule of redaction {name!r:.80} cannot be used: {error}") from error
    return OwnRules(patterns, is_strict=is_strict)


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PatternError("its name has brackets or control characters, or is too long, or is not a text")
    return name


class TimeBudget:
    """The processor time that rules may still take, in seconds, over all texts of one event."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class OwnRules:
    """Applies the rules to texts. `patterns` are by their names; without any, texts pass as they are.

    With `is_strict`, a rule that takes too long raises `RuleTimeoutError` where otherwise the text is withheld.
    """

    def __init__(self, patterns: Mapping[str, Pattern], *, is_strict: bool = False) -> None:
        self.patterns = patterns
        self._is_strict = is_strict
        self._known: OrderedDict[int, str] = OrderedDict()
        self._cut: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def described(self) -> list[dict[str, str]]:
        """List the rules as a journal's header does, so that they can be applied again."""
        return [{"name": name, "pattern": pattern.text} for name, pattern in self.patterns.items()]

    def without_slow(self) -> OwnRules:
        """Return these rules without those that were cut off several times: a stranger's, that cost more than they hide."""
        slow = [name for name, times in self._cut.items() if times >= _MOST_CUT]
        return (
            OwnRules({name: pattern for name, pattern in self.patterns.items() if name not in slow}) if slow else self
        )

    def allowance(self, characters: int) -> TimeBudget:
        """Return the time that the rules may take over `characters` of text, new and old."""
        if self._is_strict:
            return TimeBudget(2 + 100 * _S_A_CHARACTER * characters)
        return TimeBudget(_BASE_S + _S_A_CHARACTER * characters * len(self.patterns))

    def text(self, text: str, allowance: TimeBudget | None = None) -> str:
        """Return `text` with a placeholder for each match; a placeholder that is there already stays one.

        Raises:
            RuleTimeoutError: A strict rule takes too long.
        """
        if not self.patterns or not text:
            return text
        # A conversation sends its history again with each turn.
        known = self._known.get(memo_key(text)) if len(text) >= _LONG else None
        if known is not None:
            return known or text
        allowance = allowance or self.allowance(len(text))
        try:
            redacted = self._applied(self._in_json(text, allowance), allowance)
        except RuleTimeoutError as cut:
            if self._is_strict:
                raise
            self._tell(cut)
            redacted = placeholder(cut.name, withheld=True)
            self._remember(text, redacted)
        else:
            if redacted == text:
                self._remember(text, "")
        return redacted

    def _in_json(self, text: str, allowance: TimeBudget) -> str:
        """Return `text` with the rules applied to its strings, if it is JSON whose escapes could hide a match."""
        if "\\" not in text or text.lstrip()[:1] not in _JSON_BEGINS:
            return text
        try:
            value = json.loads(text)
            redacted = rewritten_value(value, partial(self.text, allowance=allowance))
        except (ValueError, RecursionError) as error:
            pass_on(error)
            return text
        return text if redacted == value else compact(redacted)

    def _applied(self, text: str, allowance: TimeBudget) -> str:
        parts = _PLACES.split(text)
        for name, pattern in self.patterns.items():
            began = thread_time()
            try:
                parts[::2] = [
                    pattern.sub(placeholder(name), part, allowance.seconds - thread_time() + began) if part else part
                    for part in parts[::2]
                ]
            except PatternTimeoutError:
                raise RuleTimeoutError(name, len(text)) from None
            finally:
                allowance.seconds -= thread_time() - began
            if len(self.patterns) > 1:
                parts = _PLACES.split("".join(parts))
        return "".join(parts)

    def _remember(self, text: str, redacted: str) -> None:
        """Keep `redacted` for a long text, or "" for one that stays as it is."""
        if len(text) < _LONG:
            return
        self._known[memo_key(text)] = redacted
        if len(self._known) > _MOST_KNOWN:
            try:
                self._known.popitem(last=False)
            except KeyError as error:
                pass_on(error)
                """Another thread has just forgotten it."""

    def _tell(self, cut: RuleTimeoutError) -> None:
        times = self._cut[cut.name] = self._cut.get(cut.name, 0) + 1
        if times == 1:
            _log.warning(
                "tracekit: %s, so that text is withheld from the record; make redact.%s simpler, without repetitions "
                "in repetitions",
                cut,
                cut.name,
            )

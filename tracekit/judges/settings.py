"""The project's settings for judges, in ``[tool.tracekit.judge]`` of its ``pyproject.toml``.

[tool.tracekit.judge]
name = "claude"
model = "claude-haiku-5-5"
client = "Anthropic"
max-usd = 0.05
patience = "10m"

There is no setting for the API's address: a project's file must not decide where a user's key is sent. The SDK reads it
from the user's environment (`ANTHROPIC_BASE_URL`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tracekit.errors import SettingsError
from tracekit.settings import Settings

__all__ = ["DEFAULT_MAX_USD", "JudgeSettings", "dollars", "judge_settings"]

DEFAULT_MAX_USD = 0.05


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """The judge to ask, the US dollars that a check may cost, and the options that are the judge's own."""

    name: str = "claude"
    max_usd: float = DEFAULT_MAX_USD
    options: Mapping[str, Any] = field(default_factory=dict)
    where: str = "[tool.tracekit.judge]"


def judge_settings(settings: Settings) -> JudgeSettings:
    """Return the settings for judges.

    Raises:
        SettingsError: They hold a value that cannot be used.
    """
    table = settings.table.get("judge", {})
    where = settings.where.replace("[tool.tracekit]", "[tool.tracekit.judge]")
    if not isinstance(table, Mapping):
        raise SettingsError(f"{where} is {table!r}; it must be a table")
    name = table.get("name", "claude")
    if not isinstance(name, str) or not name:
        raise SettingsError(f"name in {where} is {name!r}; it must be the name of a judge, such as claude")
    max_usd = dollars(table.get("max-usd", DEFAULT_MAX_USD), f"max-usd in {where}")
    options = {key: value for key, value in table.items() if key not in ("name", "max-usd")}
    return JudgeSettings(name, max_usd, options, where)


def dollars(value: object, what: str) -> float:
    """Return `value` as an amount of US dollars; `what` names the setting in the message.

    Raises:
        SettingsError: It is no finite number of 0 or more.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise SettingsError(f"{what} is {value!r}; it must be an amount in US dollars, such as {DEFAULT_MAX_USD}")
    return float(value)

"""The user's own price table, for models and rates that no public list knows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from tracekit.errors import PricesError, SettingsError
from tracekit.settings import project_settings, read_toml

__all__ = ["PRICES_VARIABLE", "Rates", "own_rates"]

PRICES_VARIABLE = "TRACEKIT_PRICES"
"""A TOML file with a table ``[prices.MODEL]`` for each model."""

_NAMES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")


class Rates(NamedTuple):
    """US dollars per million tokens of each kind."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal


def own_rates(model: str) -> Rates | None:
    """The user's rates for `model`: from the file that ``TRACEKIT_PRICES`` names, else from ``[tool.tracekit.prices]``.

    Raises:
        PricesError: The table cannot be read, or a price in it is no number.
    """
    return _table(os.environ.get(PRICES_VARIABLE), str(Path.cwd())).get(model)


@lru_cache(maxsize=8)
def _table(file: str | None, folder: str) -> Mapping[str, Rates]:
    try:
        if file:
            return _rates_of(read_toml(Path(file)).get("prices", {}), file)
        settings = project_settings(Path(folder))
    except SettingsError as error:
        raise PricesError(f"the price table cannot be read: {error}") from error
    return _rates_of(settings.table.get("prices", {}), settings.where)


def _rates_of(table: Any, where: str) -> dict[str, Rates]:
    """Return the rates of a table. By default, a cache read costs 0.1, a write 1.25 or 2 input prices.

    https://platform.claude.com/docs/en/build-with-claude/prompt-caching#pricing
    """
    found: dict[str, Rates] = {}
    for model, prices in dict(table).items():
        if not isinstance(prices, dict) or not {"input", "output"} <= prices.keys() <= set(_NAMES):
            raise PricesError(
                f"{where}: the prices of {model!r} need `input` and `output`, in US dollars per million tokens, and may "
                f"have {', '.join(_NAMES[2:])}"
            )
        try:
            known = {name: Decimal(str(price)) for name, price in prices.items()}
        except ArithmeticError as error:
            raise PricesError(f"{where}: a price of {model!r} is not a number") from error
        base = known["input"]
        found[model] = Rates(
            base,
            known["output"],
            known.get("cache_read", base / 10),
            known.get("cache_write_5m", base * 5 / 4),
            known.get("cache_write_1h", base * 2),
        )
    return found

"""Rows and columns, fitted to the terminal; where there are too many columns, a block a row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from tracekit.cli.render.console import console
from tracekit.formatting import format_count, format_float
from tracekit.model.text import printable

__all__ = ["print_table"]

_LEAST_WIDTH = 12
_LONGEST_TEXT = 500
_NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL")


def print_table(columns: Sequence[tuple[str, str]], rows: Sequence[tuple[Any, ...]]) -> None:
    """Print `rows`, whose `columns` are names with DuckDB's types."""
    out = console()
    names = [printable(name, most=60) for name, _ in columns]
    cells = [[_text(value) for value in row] for row in rows]
    widths = [
        max(cell_len(name), *(cell_len(row[index].plain) for row in cells), 1) for index, name in enumerate(names)
    ]
    if sum(min(width, _LEAST_WIDTH) + 2 for width in widths) > out.width:
        _print_blocks(names, cells)
    else:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name, (_, type), width in zip(names, columns, _fitted(widths, out.width), strict=True):
            justify: Literal["left", "right"] = "right" if any(number in type for number in _NUMBERS) else "left"
            table.add_column(Text(name), width=width, justify=justify, no_wrap=True, overflow="ellipsis")
        for row in cells:
            table.add_row(*row)
        out.print(table)
    out.print(Text(format_count(len(rows), "row"), style="dim"))


def _fitted(widths: list[int], most: int) -> list[int]:
    """`widths` with the widest made narrower, until all fit into `most` with two spaces between."""
    fitted = list(widths)
    free = most - 2 * (len(fitted) - 1)
    while sum(fitted) > free and max(fitted) > 1:
        widest = max(fitted)
        next_widest = max((width for width in fitted if width < widest), default=1)
        many = fitted.count(widest)
        less = max(next_widest, widest - -(-(sum(fitted) - free) // many), 1)
        fitted = [less if width == widest else width for width in fitted]
    return fitted


def _print_blocks(names: list[str], cells: list[list[Text]]) -> None:
    out = console()
    width = max(map(cell_len, names))
    for number, row in enumerate(cells, 1):
        out.print(Text(f"── {number} " + "─" * max(0, width - 4), style="dim"), no_wrap=True, overflow="crop")
        for name, cell in zip(names, row, strict=True):
            line = Text(name + " " * (width - cell_len(name)), style="bold") + Text("  ") + cell
            out.print(line, no_wrap=True, overflow="ellipsis", crop=True)


def _text(value: Any) -> Text:
    if value is None:
        return Text("null", style="dim")
    if isinstance(value, float):
        return Text(format_float(value))
    if isinstance(value, datetime):
        return Text(value.isoformat(" ", "milliseconds"))
    if isinstance(value, (dict, list)):
        return Text(printable(json.dumps(value, default=str, ensure_ascii=False), most=_LONGEST_TEXT))
    return Text(printable(str(value), most=_LONGEST_TEXT))

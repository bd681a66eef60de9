"""Print the answer to a query in the requested form."""

from __future__ import annotations

import csv
import json
import math
import shutil
import sys
import tempfile
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any

import click

from tracekit.cli.options import tell
from tracekit.model.text import printable
from tracekit.output import output
from tracekit.store.ask import QueryResult, Readable, ask, ask_for_parquet

__all__ = ["FORMS", "print_answer"]

FORMS = ("table", "json", "csv", "parquet")

_MOST_ROWS = 1000
"""Rows of a table for people."""

_IN_MEMORY = 8_000_000


def print_answer(store: Readable, query: str, form: str, path: Path | None, *, replays: bool = False) -> None:
    """Print the answer to `query` in the `form`, or write it to the file `path`; with `replays`, over those, too.

    The answer is written aside first, so that a pager or a slow disk does not keep the store.

    Raises:
        LakeError: The lake cannot be read.
        QueryError: The query is wrong, or would write.
        OutputError: The file cannot be written.
        StoreError: The store cannot be read.
    """
    if form == "parquet":
        assert path is not None
        rows = ask_for_parquet(store, query, path.absolute(), replays=replays)
        tell([f"wrote {path}" if rows is None else f"wrote {rows} rows to {path}"])
        return
    if form == "table" and path is None:
        columns, rows_shown, more = ask(store, query, _first_rows, replays=replays)
        from tracekit.cli.render.table import print_table  # noqa: PLC0415  rich is not needed for data

        print_table(columns, rows_shown)
        if more:
            tell([f"these are the first {_MOST_ROWS} rows; --format csv or json gives all"])
        return
    writer: Callable[[QueryResult, IO[str]], None] = _write_json if form == "json" else _write_csv
    with tempfile.SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8", newline="") as aside:
        for_terminal = path is None and sys.stdout.isatty()
        ask(store, query, lambda answer: writer(_shown(answer) if for_terminal else answer, aside), replays=replays)
        aside.seek(0)
        if path is None:
            shutil.copyfileobj(aside, sys.stdout)
        else:
            _save(aside, path)


def _first_rows(answer: QueryResult) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]], bool]:
    rows = list(islice(answer.rows, _MOST_ROWS))
    return list(answer.columns), rows, next(answer.rows, None) is not None


def _shown(answer: QueryResult) -> QueryResult:
    """Return `answer` with its text made fit for a terminal: text comes from models and tools."""
    rows = (tuple(printable(v, most=sys.maxsize) if isinstance(v, str) else v for v in row) for row in answer.rows)
    return answer._replace(rows=rows)


def _write_csv(answer: QueryResult, out: IO[str]) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(name for name, _ in answer.columns)
    for row in answer.rows:
        writer.writerow("" if value is None else _cell(value) for value in row)


def _write_json(answer: QueryResult, out: IO[str]) -> None:
    names = _unique([name for name, _ in answer.columns])
    is_json = [type == "JSON" for _, type in answer.columns]
    out.write("[")
    for number, row in enumerate(answer.rows):
        values = (_parsed(value) if json else plain(value) for value, json in zip(row, is_json, strict=True))
        text = json.dumps(dict(zip(names, values, strict=True)), indent=2, ensure_ascii=True)
        out.write(("," if number else "") + "\n  " + text.replace("\n", "\n  "))
    out.write("\n]\n")


def _unique(names: list[str]) -> list[str]:
    """Make the names of columns unique, as the keys of a JSON object must be."""
    found: list[str] = []
    for name in names:
        number, key = 1, name
        while key in found:
            number += 1
            key = f"{name}_{number}"
        found.append(key)
    return found


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else plain(value)
    except ValueError:
        return value


def plain(value: Any) -> Any:
    """Return `value` as JSON has it."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.hex() if isinstance(value, bytes) else str(value)


def _cell(value: Any) -> Any:
    return json.dumps(plain(value), ensure_ascii=False) if isinstance(value, (dict, list)) else plain(value)


def _save(aside: IO[str], path: Path) -> None:
    with output(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        shutil.copyfileobj(aside, file)
    click.echo(f"wrote {path}", err=True)

"""Columns: each field of a row says what it means and where its value comes from.

The store's tables and views, the JSON of the commands, and the columns of lists are derived from these fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, dataclass_transform, get_args, get_origin, get_type_hints

__all__ = ["RowColumn", "column", "columns_of", "json_of", "row", "values_of"]

_COLUMN = "column"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RowColumn:
    """A field of a row class.

    `type` is str, int, float or bool, and `is_optional` says that the value may be None. `get` computes the value from the
    source of the row; without it, the source has an attribute of that name. `views` names the views that show the column,
    or is None for the one view of its table. `moment` is the name under which views show nanoseconds as date and time.
    `json` is the place in the JSON of the commands, with a dot before a key within an object; empty for none. `header` is
    the heading in lists of runs; empty for none. `holds_json` says that the text is the JSON of the computed value.
    """

    name: str
    type: type
    is_optional: bool
    doc: str
    get: Callable[[Any], Any]
    views: frozenset[str] | None
    moment: str
    json: str
    header: str
    holds_json: bool

    @property
    def empty(self) -> str | int | float | bool | None:
        """The value in rows that are older than this column."""
        return None if self.is_optional else self.type()


def column(
    doc: str,
    get: Callable[[Any], T] | None = None,
    *,
    views: str | None = None,
    moment: str = "",
    json: str = "",
    header: str = "",
    holds_json: bool = False,
) -> Any:
    """Declare a field of a row class as a column. The arguments are the fields of `RowColumn`."""
    shown = None if views is None else frozenset(views.split())
    options = {"doc": doc, "get": get, "views": shown, "moment": moment, "json": json, "header": header}
    return field(metadata={_COLUMN: {**options, "holds_json": holds_json}})


@dataclass_transform(frozen_default=True, field_specifiers=(column,))
def row(cls: type[T]) -> type[T]:
    """Make a class whose fields are declared by `column` a frozen dataclass."""
    return dataclass(frozen=True, slots=True)(cls)


def columns_of(cls: type) -> tuple[RowColumn, ...]:
    """Return the columns of a row class, in the order of its fields."""
    return _columns(cls)


@cache
def _columns(cls: type) -> tuple[RowColumn, ...]:
    types = get_type_hints(cls)
    found = []
    for each in fields(cls):
        options = dict(each.metadata[_COLUMN])
        options["get"] = options["get"] or attrgetter(each.name)
        found.append(RowColumn(each.name, *_type(types[each.name]), **options))
    return tuple(found)


@cache
def _getter(cls: type) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*(each.name for each in fields(cls)))


def values_of(row: Any) -> tuple[Any, ...]:
    """Return the values of a row, in the order of its columns."""
    cls: type = type(row)
    return _getter(cls)(row)


def json_of(columns: Iterable[RowColumn], value: Callable[[RowColumn], Any]) -> dict[str, Any]:
    """Return the JSON object of those `columns` that have a place in it. `value` gives the value of a column."""
    shaped: dict[str, Any] = {}
    for each in columns:
        outer, dot, key = each.json.partition(".")
        if dot:
            shaped.setdefault(outer, {})[key] = value(each)
        elif outer:
            shaped[outer] = value(each)
    return shaped


def _type(hint: Any) -> tuple[type, bool]:
    """Return the type of a column's values, and whether they may be None."""
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    kinds = {type(get_args(each)[0]) if get_origin(each) is Literal else each for each in options}
    (kind,) = kinds - {NoneType}
    return kind, NoneType in kinds

"""Fast accept: one row in the usual form is checked while it is read; whatever is unusual is left to the door."""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Contract, Field
from components.serving.door import DATATYPES, EXACT, INTEGERS, ISO_DATE, LONGEST
from components.serving.exchange import LONG_ID

Row = dict[str, Any]
"""One checked row: numbers as float, NaN for missing; dates as days since 1970, ``NAT`` for missing; text or None."""

Check = Callable[[Any], Any]

NAT = int(np.datetime64("NaT", "D").astype(np.int64))
"""The day number that numpy reads as no date."""

KEPT_DAYS = 50_000
"""Dates kept by their text; a client that sends every day there is makes the table start anew, no larger."""

_EPOCH = date(1970, 1, 1).toordinal()
_ONE = 1
_DATES = 1
_USUAL = frozenset({"inputs", "id"})
_MISSING: Mapping[str, Any] = {"int": math.nan, "float": math.nan, "date": NAT, "category": None}


class Unusual(Exception):
    """Not of the usual form, or not allowed; the door says which."""


class Layout:
    """How rows become columns: one array for all numbers, one for all dates, one for all text.

    Args:
        fields: the contract's inputs.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        groups = ("int", "float"), ("date",), ("category",)
        named = [[f.name for f in fields if f.kind in kinds] for kinds in groups]
        self._place = [(f.name, *_place(f.name, named)) for f in fields]
        self._numbers, self._dates, self._texts = (_values_of(names) for names in named)

    def columns(self, rows: Sequence[Row]) -> Columns:
        """Turn n checked rows into columns, in the contract's order."""
        numbers = np.array([self._numbers(row) for row in rows], dtype=np.float64)
        days = np.array([self._dates(row) for row in rows], dtype=np.int64)
        texts = np.array([self._texts(row) for row in rows], dtype=object)
        groups: tuple[npt.NDArray[Any], ...] = (numbers.T, days.view("datetime64[D]").T, texts.T)
        return {name: groups[group][i] for name, group, i in self._place}

    def row(self, columns: Columns) -> Row:
        """Turn columns of one row back into that row."""
        return {
            name: columns[name].astype("datetime64[D]").astype(np.int64).item() if group == _DATES else columns[name][0]
            for name, group, _ in self._place
        }


def reader(contract: Contract) -> Callable[[Any], Row | None]:
    """Compile a contract into a function that accepts one row, or does not know.

    The function takes a parsed V2 request. It returns the row when the request is of the usual form (JSON values, one
    row, nothing asked for but all outputs) and fits the contract, else None: ``v2.decode`` and ``door.check`` decide
    then. Whatever it accepts, they accept too, with equal columns.
    """
    days = _Days()
    table = {f.name: {datatype: _check(f, datatype, days) for datatype in DATATYPES[f.kind]} for f in contract.inputs}
    absent = {f.name: _MISSING[f.kind] for f in contract.inputs if f.nullable}
    width = len(table)

    def read(content: Any) -> Row | None:
        row: Row = {}
        try:
            if not content.keys() <= _USUAL:
                return None
            inputs = content["inputs"]
            for tensor in inputs:
                name, shape, data = tensor["name"], tensor["shape"], tensor["data"]
                # By identity: true and 1.0 equal 1 too, and are no dimensions.
                if type(data) is not list or shape[0] is not _ONE:
                    return None
                (value,) = data
                if len(shape) != 1:
                    if len(shape) != 2 or shape[1] is not _ONE:
                        return None
                    if type(value) is list:
                        (value,) = value
                if len(tensor) != 4 and not _plain(tensor):
                    return None
                row[name] = table[name][tensor["datatype"]](value)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, Unusual):
            return None
        name = content.get("id")
        if type(inputs) is not list or not inputs or not (name is None or (type(name) is str and len(name) <= LONG_ID)):
            return None
        if len(row) != len(inputs):
            return None  # a name was sent twice
        if len(row) != width:
            row = absent | row
        return row if len(row) == width else None

    return read


class _Days(dict[str, int]):
    """Days since 1970 by their ISO text."""

    def __missing__(self, text: str) -> int:
        if not ISO_DATE.fullmatch(text):
            raise Unusual
        day = date.fromisoformat(text).toordinal() - _EPOCH
        if len(self) >= KEPT_DAYS:
            self.clear()
        self[text] = day
        return day


def _plain(tensor: dict[str, Any]) -> bool:
    """Say whether a tensor's further members are without a meaning here."""
    parameters = tensor.get("parameters") or {}
    return isinstance(parameters, dict) and "binary_data_size" not in parameters


def _place(name: str, named: Sequence[Sequence[str]]) -> tuple[int, int]:
    group = next(i for i, names in enumerate(named) if name in names)
    return group, named[group].index(name)


def _values_of(names: Sequence[str]) -> Callable[[Row], Sequence[Any]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: [row[name] for name in names]


def _check(field: Field, datatype: str, days: _Days) -> Check:
    if field.kind == "date":
        return _day(field, days)
    if field.kind == "category":
        return _open_text(field.nullable) if field.values is None else _closed_text(field)
    return _whole(field) if field.kind == "int" or datatype in INTEGERS else _number(field)


def _bounds(field: Field, widest: float) -> tuple[float, float]:
    low = -widest if field.minimum is None else max(field.minimum, -widest)
    return low, widest if field.maximum is None else min(field.maximum, widest)


def _number(field: Field) -> Check:
    low, high = _bounds(field, sys.float_info.max)
    nullable = field.nullable

    def check(value: Any) -> float:
        if (type(value) is float or type(value) is int) and low <= value <= high:
            return float(value)
        if value is None and nullable:
            return math.nan
        raise Unusual

    return check


def _whole(field: Field) -> Check:
    low, high = _bounds(field, EXACT)
    nullable = field.nullable

    def check(value: Any) -> float:
        if (type(value) is int or (type(value) is float and value.is_integer())) and low <= value <= high:
            return float(value)
        if value is None and nullable:
            return math.nan
        raise Unusual

    return check


def _day(field: Field, days: _Days) -> Check:
    first = -sys.maxsize if field.earliest is None else field.earliest.toordinal() - _EPOCH
    nullable = field.nullable

    def check(value: Any) -> int:
        if value is None:
            if nullable:
                return NAT
            raise Unusual
        day = days[value]
        if day < first:
            raise Unusual
        return day

    return check


def _open_text(nullable: bool) -> Check:
    def check(value: Any) -> str | None:
        if type(value) is str and value and len(value) <= LONGEST and not value.isspace():
            return value
        if value is None and nullable:
            return None
        raise Unusual

    return check


def _closed_text(field: Field) -> Check:
    known: dict[str | None, str | None] = {v: v for v in field.values or () if v and not v.isspace()}
    if field.nullable:
        known[None] = None
    return known.__getitem__

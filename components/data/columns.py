"""The columns of a raw table against those that a use case names, and cells in the kind they should have."""

from collections.abc import Sequence

import polars as pl

from components.core.contracts import Kind
from components.core.errors import ContractViolation
from components.core.use_case import Column, Data

TYPES: dict[Kind, pl.DataType] = {"int": pl.Int64(), "float": pl.Float64(), "category": pl.String(), "date": pl.Date()}
"""Column type of a clean table, by kind."""

_ISO_DATE = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$"
_EXACT = 2.0**53
"""Up to here every whole number is a float."""


def require_columns(found: Sequence[str], data: Data, where: str) -> None:
    """Refuse a table that has not exactly the columns of the use case, in any order.

    Args:
        found: names of the table's columns.
        data: what the table must look like.
        where: the table, for the message.

    Raises:
        ContractViolation: a column is missing, one too many or there twice; names all of them.
    """
    missing = [name for name in data.columns if name not in found]
    extra = [name for name in dict.fromkeys(found) if name not in data.columns]
    twice = [name for name in dict.fromkeys(found) if found.count(name) > 1]
    wrong = [
        f"{text} {', '.join(map(repr, names))}"
        for text, names in [("missing column", missing), ("extra column", extra), ("column there twice:", twice)]
        if names
    ]
    if wrong:
        raise ContractViolation(
            f"{where}: {'; '.join(wrong)}. The use case's data.columns names: {', '.join(data.columns)}. Mend the "
            "table, or name the column in data.columns, or in data.drop to leave it behind"
        )


def schema(data: Data) -> dict[str, pl.DataType]:
    """Return the column types of the clean table, in the use case's order."""
    return {name: TYPES[column.kind] for name, column in data.columns.items()}


def typed(frame: pl.DataFrame, data: Data) -> pl.DataFrame:
    """Give every column the type of its kind; a value that does not fit becomes null, as does a missing one.

    Text is read as CSV brings it: whole numbers may be written ``84`` or ``84.0``, dates as ISO dates with or without
    a time of day. A category that came as a float loses its ``.0``.

    Args:
        frame: n rows with at least the columns of ``data``, in any type.

    Returns:
        n rows, columns in the use case's order.
    """
    return frame.select(_cast(name, frame.schema[name], column) for name, column in data.columns.items())


def present(name: str, dtype: pl.DataType) -> pl.Expr:
    """Tell the cells that hold something: not null, not NaN, not blank text."""
    if dtype.is_float():
        return pl.col(name).is_not_null() & pl.col(name).is_not_nan()
    if dtype == pl.String:
        return pl.col(name).str.contains(r"\S").fill_null(False)
    return pl.col(name).is_not_null()


def as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """Write a column as text that loses nothing: whole floats without ``.0``, dates in ISO form, null as null."""
    column = pl.col(name)
    if dtype.is_float():
        whole = (column == column.floor()) & (column.abs() < _EXACT)
        return (
            pl.when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(column.cast(pl.String))
        )
    if isinstance(dtype, pl.Datetime):
        midnight = column.dt.time() == pl.time(0)
        day, time = column.dt.strftime("%Y-%m-%d"), column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
        return pl.when(midnight).then(day).otherwise(time)
    return column.cast(pl.String)


def _cast(name: str, dtype: pl.DataType, column: Column) -> pl.Expr:
    cell: pl.Expr = pl.when(present(name, dtype)).then(pl.col(name))
    if dtype == pl.String and column.kind != "category":
        cell = cell.str.strip_chars()
    if column.kind == "category":
        return _category(name, dtype, column)
    if column.kind == "date" and (dtype == pl.String or dtype in (pl.Date, pl.Datetime)):
        return _date(cell, dtype)
    if column.kind != "date" and (dtype == pl.String or dtype.is_numeric() or dtype == pl.Boolean):
        return _number(cell, dtype, column.kind)
    return pl.repeat(None, pl.len(), dtype=TYPES[column.kind]).alias(name)


def _number(cell: pl.Expr, dtype: pl.DataType, kind: Kind) -> pl.Expr:
    number = cell.cast(pl.Float64, strict=False)
    finite = pl.when(number.is_finite()).then(number)
    if kind == "float":
        return finite
    whole = pl.when(finite == finite.floor()).then(finite).cast(pl.Int64, strict=False)
    # Identifiers go beyond the whole numbers that a float can hold, so text and integers are cast directly first.
    return whole if dtype.is_float() else pl.coalesce(cell.cast(pl.Int64, strict=False), whole)


def _date(cell: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype != pl.String:
        return cell.cast(pl.Date)
    return pl.when(cell.str.contains(_ISO_DATE)).then(cell.str.slice(0, 10)).str.to_date("%Y-%m-%d", strict=False)


def _category(name: str, dtype: pl.DataType, column: Column) -> pl.Expr:
    text = pl.when(present(name, dtype)).then(as_text(name, dtype))
    if dtype != pl.String or column.values is None:
        return text
    # "1.0" is how a float column is written to CSV. Only a closed domain can tell that it stands for "1".
    return pl.when(text.is_in(column.values)).then(text).otherwise(text.str.replace(r"^(-?\d+)\.0+$", "$1"))

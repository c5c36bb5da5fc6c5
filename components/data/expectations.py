"""Expectations: what every row of the raw table has to satisfy, checked with pandera; breaches are told row by row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pandera.polars as pa
import polars as pl
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaErrors

from components.core.errors import FairleadError
from components.core.use_case import Column, Data
from components.data.columns import TYPES, as_text, present, require_columns, schema, typed

BUILT_IN = ("type", "missing", "unique", "minimum", "maximum", "earliest", "latest", "known_until", "domain")
"""Rules that follow from the description of the table; a use case's own rules need other names."""

BREACH = {"row": pl.Int64(), "row_id": pl.String(), "rule": pl.String(), "column": pl.String(), "value": pl.String()}
"""Columns of the breaches."""


@dataclass(frozen=True)
class Checked:
    """Rows that keep every expectation, and the breaches of those that do not."""

    clean: pl.DataFrame
    """The rows that passed, in order, typed, columns in the use case's order."""
    rows: pl.Series
    """Position in the raw table of each clean row."""
    breaches: pl.DataFrame
    """One row for each broken rule: row (position in the raw table, from 0), row_id, rule, column, value (as text)."""
    seen: Mapping[str, pl.Series]
    """Values so far of each column that has to be unique."""


def check(
    frame: pl.DataFrame,
    data: Data,
    rows: pl.Series | None = None,
    seen: Mapping[str, pl.Series] | None = None,
) -> Checked:
    """Check every row against the columns and rules of a use case.

    The rules that follow from a column: ``type`` (the value does not fit the column's kind, an impossible date
    included), ``missing`` (null, NaN or blank where not nullable), ``unique`` (the first row keeps the value, every
    later one breaks the rule), ``minimum``, ``maximum``, ``earliest``, ``latest``, ``known_until`` (a date after the
    day on which the table was drawn, where the column has no ``latest`` of its own) and ``domain``. A rule over several
    columns is broken where its condition is false; where a missing value leaves it unknown it is kept.

    Args:
        frame: n raw rows, values as ingest leaves them.
        data: the expectations.
        rows: shape (n,), positions in the raw table; 0…n-1 when not given.
        seen: values that a unique column has in rows checked before, as ``Checked.seen`` of the last call.

    Raises:
        ContractViolation: a column is missing or one too many.
        FairleadError: a rule of the use case is no condition over the table's columns.

    >>> ages = Data(source="a.csv", row_id="id", event_time="id", quarantine_limit=1,
    ...             columns={"id": Column(kind="int", unique=True), "age": Column(kind="int", minimum=0)})
    >>> check(pl.DataFrame({"id": [7, 7], "age": ["3", "x"]}), ages).breaches.rows()
    [(1, '7', 'type', 'age', 'x'), (1, '7', 'unique', 'id', '7')]
    """
    require_columns(frame.columns, data, "the table")
    rules = compile_rules(data)
    position = pl.int_range(frame.height, eager=True, dtype=pl.Int64) if rows is None else rows.cast(pl.Int64)
    table = typed(frame, data)
    before = dict(seen or {})
    unfit = _unfit(frame, table, data)
    # A value of the wrong type is null in the typed table; it is there, so it is not missing as well.
    broken = _broken(table, data, rules, before).join(unfit, on=["index", "column"], how="anti")
    breaches = _tell(pl.concat([unfit, broken]), frame, table, data, position)
    bad = breaches["row"].unique()
    good = ~position.is_in(bad.implode())
    for name, column in data.columns.items():
        if column.unique:
            before[name] = pl.concat([before[name], table[name]]) if name in before else table[name]
    return Checked(clean=table.filter(good), rows=position.filter(good), breaches=breaches, seen=before)


def compile_rules(data: Data) -> dict[str, pl.Expr]:
    """Turn the use case's rules from SQL conditions into expressions, by name.

    Raises:
        FairleadError: a name is taken, or the text is not SQL, names an unknown column, compares what cannot be
            compared, or is not true or false for each row.
    """
    probe = pl.DataFrame({name: [None, None] for name in data.columns}, schema=schema(data))
    rules: dict[str, pl.Expr] = {}
    for rule in data.rules:
        if rule.name in BUILT_IN or rule.name in rules:
            raise FairleadError(
                f"data.rules: the name {rule.name!r} is taken; give each rule one of its own, other than "
                f"{', '.join(BUILT_IN)}"
            )
        try:
            condition = pl.sql_expr(rule.expect)
            answer = probe.select(condition.alias("answer"))["answer"]
        except pl.exceptions.PolarsError as error:
            raise FairleadError(
                f"data.rules: {rule.name!r} cannot be used: {error} (found {rule.expect!r}; allowed: an SQL condition "
                f"over {', '.join(data.columns)}, dates written as DATE '2001-12-31')"
            ) from error
        if answer.dtype not in (pl.Boolean, pl.Null) or len(answer) != probe.height:
            raise FairleadError(
                f"data.rules: {rule.name!r} is not true or false for each row (found {rule.expect!r}); write a "
                "condition such as a >= b"
            )
        rules[rule.name] = condition
    return rules


def _unfit(frame: pl.DataFrame, table: pl.DataFrame, data: Data) -> pl.DataFrame:
    """Find the values that are there and do not fit their column's kind."""
    there = frame.select(present(name, frame.schema[name]) for name in data.columns)
    found = [
        pl.DataFrame({"index": (there[name] & table[name].is_null()).arg_true()}).with_columns(
            rule=pl.lit("type"), column=pl.lit(name)
        )
        for name in data.columns
    ]
    return pl.concat(found).cast({"index": pl.Int64})


def _broken(
    table: pl.DataFrame, data: Data, rules: Mapping[str, pl.Expr], seen: Mapping[str, pl.Series]
) -> pl.DataFrame:
    """Let pandera find the rows that break an expectation: index in the frame, rule, column."""
    columns = {
        name: pa.Column(
            TYPES[column.kind],
            nullable=column.nullable,
            checks=[
                *_checks(name, column, data.known_until, seen.get(name)),
                *(_check(r.name, rules[r.name]) for r in data.rules if r.column == name),
            ],
        )
        for name, column in data.columns.items()
    }
    # Set here, because variables of the environment could otherwise switch the checks off unnoticed.
    with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
        try:
            pa.DataFrameSchema(columns, strict=True).validate(table, lazy=True)
        except SchemaErrors as errors:
            cases: pl.DataFrame = errors.failure_cases
        else:
            return pl.DataFrame(schema={"index": pl.Int64, "rule": pl.String, "column": pl.String})
    return cases.select(
        pl.col("index").cast(pl.Int64),
        pl.col("check").replace("not_nullable", "missing").alias("rule"),
        pl.col("column"),
    )


def _checks(name: str, column: Column, known_until: date | None, seen: pl.Series | None) -> list[pa.Check]:
    cell = pl.col(name)
    expected: dict[str, pl.Expr] = {}
    if column.unique:
        new = cell.is_first_distinct() if seen is None else cell.is_first_distinct() & ~cell.is_in(seen.implode())
        expected["unique"] = cell.is_null() | new
    if column.minimum is not None:
        expected["minimum"] = cell >= column.minimum
    if column.maximum is not None:
        expected["maximum"] = cell <= column.maximum
    if column.earliest is not None:
        expected["earliest"] = cell >= column.earliest
    if column.latest is not None:
        expected["latest"] = cell <= column.latest
    elif known_until is not None and column.kind == "date":
        expected["known_until"] = cell <= known_until
    if column.values is not None and column.kind == "category":
        expected["domain"] = cell.is_in(column.values)
    return [_check(rule, condition) for rule, condition in expected.items()]


def _check(rule: str, condition: pl.Expr) -> pa.Check:
    return pa.Check(lambda found: found.lazyframe.select(condition.alias("kept")), name=rule, ignore_na=True)


def _tell(
    found: pl.DataFrame, frame: pl.DataFrame, table: pl.DataFrame, data: Data, position: pl.Series
) -> pl.DataFrame:
    """Add to each breach the row's position and id and the value as it came; in order of rows."""
    row_id = table[data.row_id].cast(pl.String)
    told = []
    for (name,), part in found.group_by("column", maintain_order=True):
        at = part["index"]
        value = frame[at].select(as_text(str(name), frame.schema[str(name)]).alias("value"))["value"]
        told.append(part.with_columns(row=position[at], row_id=row_id[at], value=value))
    if not told:
        return pl.DataFrame(schema=BREACH)
    # Without an id of its own a row goes by its position.
    by_position = pl.format("#{}", "row")
    breaches = pl.concat(told).with_columns(pl.col("row_id").fill_null(by_position)).select(BREACH.keys())
    order = {name: i for i, name in enumerate(data.columns)}
    rank = pl.col("column").replace_strict(order, return_dtype=pl.Int64)
    return breaches.sort("row", pl.col("rule"), rank)

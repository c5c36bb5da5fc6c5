"""Rows of a table, held to a model's contract as a server holds those of a request."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.contracts import Columns, Contract, Field
from components.core.errors import ContractViolation
from components.features.rows import from_frame


def held_rows(frame: pl.DataFrame, contract: Contract, first: int = 0) -> Columns:
    """Take the inputs of a model out of a frame of n rows.

    Args:
        frame: the rows.
        contract: the model's.
        first: the number of the first row, for errors.

    Raises:
        ContractViolation: a column is missing or of another type, or a value is missing or outside what is allowed;
            names the first of them.
    """
    columns: dict[str, npt.NDArray[Any]] = {}
    for field in contract.inputs:
        try:
            columns |= from_frame(frame, [field])
        except pl.exceptions.PolarsError as error:
            raise ContractViolation(
                f"input {field.name!r}: found a column of {frame[field.name].dtype}, allowed: what reads as "
                f"{field.kind}",
                [(field.name, "type")],
            ) from error
    for field in contract.inputs:
        _require(columns[field.name], field, first)
    return columns


def _require(values: npt.NDArray[Any], field: Field, first: int) -> None:
    gap = np.array([v is None for v in values]) if field.kind == "category" else np.isnan(values.astype(np.float64))
    if field.kind == "date":
        gap = np.isnat(values)
    if not field.nullable:
        _refuse(gap, values, field, first, "null", "a value")
    if field.minimum is not None:
        _refuse(~gap & (values < field.minimum), values, field, first, "domain", f"{field.minimum:g} or more")
    if field.maximum is not None:
        _refuse(~gap & (values > field.maximum), values, field, first, "domain", f"{field.maximum:g} or less")
    if field.earliest is not None:
        early = ~gap & (values < np.datetime64(field.earliest, "D"))
        _refuse(early, values, field, first, "domain", f"{field.earliest} or later")
    if field.values is not None:
        odd = np.array([v is not None and v not in field.values for v in values], dtype=bool)
        _refuse(odd, values, field, first, "domain", ", ".join(field.values))


def _refuse(
    wrong: npt.NDArray[np.bool_], values: npt.NDArray[Any], field: Field, first: int,
    reason: str, allowed: str,
) -> None:  # fmt: skip
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        found = "nothing" if reason == "null" else str(values[at])[:80]
        raise ContractViolation(
            f"input {field.name!r}, row {first + at}: found {found}, allowed: {allowed} ({int(wrong.sum())} such rows "
            "in this part of the table); nothing was written",
            [(field.name, reason)],
        )

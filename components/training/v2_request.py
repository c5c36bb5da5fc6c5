"""Requests: rows written as the body of a V2 (Open Inference Protocol) call, as a client would send them, and back."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Entity, Field
from components.features.rows import history_columns, number_of_rows


def whole_history(entity: Entity) -> tuple[str, ...]:
    """Name the columns of a history that a request gives all together, or leaves out to have them looked up.

    They are known together or not at all. The date of the latest bad outcome is none of them: there may be none.

    >>> whole_history(Entity(name="bank", key="Bank", history=history_columns("bank"), window_months=36))
    ('bank_count', 'bank_bad')
    """
    latest = history_columns(entity.name)[-1]
    return tuple(name for name in entity.history if name != latest) or entity.history


def v2_body(
    rows: Columns, fields: Sequence[Field], request_id: str | None = None, entities: Sequence[Entity] = ()
) -> dict[str, Any]:
    """Write rows as a V2 request: one tensor of shape [n] for each field.

    A nullable field that is missing in every row is left out, save what stands for a history: without it a server would
    look the history up.

    >>> rows = {"amount": np.array([5.0, np.nan])}
    >>> v2_body(rows, [Field(name="amount", kind="int", nullable=True)])
    {'inputs': [{'name': 'amount', 'shape': [2], 'datatype': 'INT64', 'data': [5, None]}]}

    Args:
        rows: n rows.
        fields: what the contract asks for.
        request_id: identifies the request in the answer.
        entities: those of the contract, where the rows' own histories count.
    """
    stated = {name for entity in entities for name in whole_history(entity)}
    n = number_of_rows(rows)
    inputs = []
    for field in fields:
        data = json_values(rows[field.name], field)
        if field.nullable and field.name not in stated and all(value is None for value in data):
            continue
        inputs.append({"name": field.name, "shape": [n], "datatype": field.datatype, "data": data})
    return {"id": request_id, "inputs": inputs} if request_id else {"inputs": inputs}


def v2_columns(body: dict[str, Any], fields: Sequence[Field]) -> Columns:
    """Read the rows of a request that ``v2_body`` wrote; a field that was left out is missing in every row.

    A stranger's request goes through the server's door instead, which checks it.

    >>> body = {"inputs": [{"name": "amount", "shape": [2], "data": [5, None]}]}
    >>> v2_columns(body, [Field(name="amount", kind="int")])
    {'amount': array([ 5., nan])}

    Args:
        body: the request.
        fields: which columns, in which kind; others are passed over.
    """
    sent = {tensor["name"]: tensor["data"] for tensor in body["inputs"]}
    n = len(next(iter(sent.values()), ()))
    return {f.name: column(sent.get(f.name, [None] * n), f) for f in fields}


def column(values: Sequence[Any], field: Field) -> "np.ndarray[tuple[int], np.dtype[Any]]":
    """Turn JSON values into a column, the other way of ``json_values``."""
    # An object array keeps None; a float array turns it into NaN and a date array into NaT.
    dtypes: dict[str, npt.DTypeLike] = {"category": object, "date": "datetime64[D]"}
    return np.array(values, dtype=dtypes.get(field.kind, np.float64))


def json_values(values: "np.ndarray[tuple[int], np.dtype[Any]]", field: Field) -> list[Any]:
    """Turn a column into JSON values, None for missing: numbers, strings, ISO dates."""
    if field.kind == "category":
        return [None if v is None else str(v) for v in values]
    if field.kind == "date":
        return [None if np.isnat(v) else str(v) for v in values.astype("datetime64[D]")]
    if field.kind == "int":
        return [None if np.isnan(v) else int(v) for v in values]
    return [None if np.isnan(v) else float(v) for v in values]

"""Requests: rows written as the body of a V2 (Open Inference Protocol) call, as a client would send them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from components.core.contracts import Columns, Field
from components.features.rows import number_of_rows


def v2_body(rows: Columns, fields: Sequence[Field], request_id: str | None = None) -> dict[str, Any]:
    """Write rows as a V2 request: one tensor of shape [n] for each field.

    A nullable field that is missing in every row is left out.

    >>> rows = {"amount": np.array([5.0, np.nan])}
    >>> v2_body(rows, [Field(name="amount", kind="int", nullable=True)])
    {'inputs': [{'name': 'amount', 'shape': [2], 'datatype': 'INT64', 'data': [5, None]}]}

    Args:
        rows: n rows.
        fields: what the contract asks for.
        request_id: identifies the request in the answer.
    """
    n = number_of_rows(rows)
    inputs = []
    for field in fields:
        data = json_values(rows[field.name], field)
        if field.nullable and all(value is None for value in data):
            continue
        inputs.append({"name": field.name, "shape": [n], "datatype": field.datatype, "data": data})
    return {"id": request_id, "inputs": inputs} if request_id else {"inputs": inputs}


def json_values(values: "np.ndarray[tuple[int], np.dtype[Any]]", field: Field) -> list[Any]:
    """Turn a column into JSON values, None for missing: numbers, strings, ISO dates."""
    if field.kind == "category":
        return [None if v is None else str(v) for v in values]
    if field.kind == "date":
        return [None if np.isnat(v) else str(v) for v in values.astype("datetime64[D]")]
    if field.kind == "int":
        return [None if np.isnan(v) else int(v) for v in values]
    return [None if np.isnan(v) else float(v) for v in values]

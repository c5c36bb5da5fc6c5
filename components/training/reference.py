"""The reference: how the training rows were distributed, in the few kilobytes that drift is later measured against."""

from collections import Counter
from typing import Any

import numpy as np

from components.core.contracts import Columns, Contract, FloatArray
from components.training.v2_request import json_values

POINTS = 101
"""Quantiles kept of a number: minimum, 99 percentiles, maximum."""
CATEGORIES = 100
"""Values kept of a category, most frequent first; the others are counted together."""


def reference(rows: Columns, matrix: FloatArray, probability: FloatArray, contract: Contract) -> dict[str, Any]:
    """Summarise the training rows.

    Args:
        rows: n rows as requested.
        matrix: the transform's output for them, shape (n, features).
        probability: the model's answers, shape (n,).
        contract: names and kinds.

    Returns:
        JSON values: ``rows`` (n), ``inputs``, ``features`` and ``probability``. Numbers and dates (ISO) give
        ``missing`` (a count) and ``quantiles`` (``POINTS`` values, none without data); categories give ``missing``,
        ``counts`` and ``other``.
    """
    inputs = {}
    for field in contract.inputs:
        values = rows[field.name]
        if field.kind == "category":
            inputs[field.name] = _category(json_values(values, field))
        elif field.kind == "date":
            inputs[field.name] = _dates(values.astype("datetime64[D]"))
        else:
            inputs[field.name] = _number(values)
    return {
        "rows": len(probability),
        "inputs": inputs,
        "features": {name: _number(matrix[:, i]) for i, name in enumerate(contract.features)},
        "probability": _number(probability),
    }


def _number(values: FloatArray) -> dict[str, Any]:
    known = values[~np.isnan(values)].astype(np.float64)
    # Observed values only: an interpolated quantile of a count would be a count that never was.
    quantiles = np.quantile(known, np.linspace(0, 1, POINTS), method="lower").tolist() if len(known) else []
    return {"missing": int(len(values) - len(known)), "quantiles": quantiles}


def _dates(values: "np.ndarray[tuple[int], np.dtype[np.datetime64]]") -> dict[str, Any]:
    known = values[~np.isnat(values)]
    days = np.where(np.isnat(values), np.nan, values.astype(np.int64))
    quantiles = [str(np.datetime64(int(d), "D")) for d in _number(days)["quantiles"]]
    return {"missing": int(len(values) - len(known)), "quantiles": quantiles}


def _category(values: list[str | None]) -> dict[str, Any]:
    counts = Counter(v for v in values if v is not None)
    kept = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:CATEGORIES]
    other = sum(counts.values()) - sum(n for _, n in kept)
    return {"missing": values.count(None), "counts": dict(kept), "other": other}

"""Reading the feature store online: histories of entities, and the model's matrix computed on demand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Field
from components.core.errors import ContractViolation, FairleadError
from components.core.use_case import UseCase
from components.features.definitions import Definitions
from components.features.on_demand import Lists, to_columns, to_lists
from components.features.rows import history_columns, number_of_rows, request_fields
from components.features.store import open_store

KEYS_AT_ONCE = 5_000
"""Keys to read in one statement; SQLite takes 32,766 parameters at most."""

_NO_KEY = {"int": -(2**63), "category": "\0"}
"""Stands for a key that is not stated; Feast cannot look up null, and no history has these."""


def histories(store: Path, use_case: UseCase, keys: Columns) -> Columns:
    """Look up what was known of entities at the time that the store was materialised for.

    Args:
        store: directory of a materialised store.
        use_case: the one it was built for.
        keys: the key columns of all entities, n rows; None and NaN say that an entity is not stated.

    Returns:
        The history columns of all entities, n rows: NaN and NaT where an entity was never seen, has nothing in its
        window, or is not stated.

    Raises:
        ContractViolation: a key column is missing.
    """
    names = {name for plan in use_case.features.entities for name in history_columns(plan.name)}
    fields = [f for f in request_fields(use_case) if f.name in names]
    return to_columns(_ask(store, Definitions(use_case, store).history_service.name, use_case, keys, []), fields)


def matrix(store: Path, use_case: UseCase, rows: Columns) -> npt.NDArray[np.float32]:
    """Compute the model's matrix through the store alone: online histories, then the on-demand view.

    Args:
        store: directory of a materialised store with a fitted transform (``store.apply_on_demand``).
        use_case: the one it was built for.
        rows: the use case's inputs, n rows; histories among them are not looked at.

    Returns:
        Shape (n, features), in the transform's order.

    Raises:
        FairleadError: the store has no fitted transform.
        ContractViolation: an input is missing.
    """
    definitions = Definitions(use_case, store)
    view, service = definitions.matrix, definitions.matrix_service
    if view is None or service is None:
        raise FairleadError(f"{store} has no transform.json; give it one with store.apply_on_demand after training")
    request = [f.name for f in definitions.request.schema]
    answer = _ask(store, service.name, use_case, rows, request)
    columns = to_columns(answer, [Field(name=f.name, kind="float") for f in view.features])
    return np.column_stack([columns[f.name] for f in view.features]).astype(np.float32)


def _ask(store: Path, service: str, use_case: UseCase, rows: Columns, request: Sequence[str]) -> Lists:
    """Ask for a service's features of n rows, in parts; keys and request fields come from ``rows``."""
    keys = list(dict.fromkeys(p.column for p in use_case.features.entities))
    kinds = {name: use_case.data.columns[name].kind for name in [*keys, *request]}
    missing = [name for name in kinds if name not in rows]
    if missing:
        raise ContractViolation(f"missing column {', '.join(missing)}; found: {', '.join(rows)}")
    lists = to_lists(rows, [Field(name=name, kind=kind) for name, kind in kinds.items()])
    for name in keys:
        lists[name] = [_NO_KEY[kinds[name]] if value is None else value for value in lists[name]]
    opened = open_store(store)
    features = opened.get_feature_service(service)
    answer: dict[str, list[object]] = {}
    for start in range(0, number_of_rows({name: rows[name] for name in kinds}), KEYS_AT_ONCE):
        part = {name: values[start : start + KEYS_AT_ONCE] for name, values in lists.items()}
        for name, values in opened.get_online_features(features=features, entity_rows=part).to_dict().items():
            answer.setdefault(name, []).extend(values)
    return answer

"""Reading the feature store online: histories of entities, and the model's matrix computed on demand."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from feast import FeatureService, FeatureStore, FeatureView

from components.core.contracts import Columns, Field, Kind
from components.core.errors import ContractViolation, FairleadError, unknown
from components.core.use_case import UseCase
from components.features.definitions import Definitions
from components.features.on_demand import Lists, to_columns, to_lists
from components.features.rows import history_columns, request_fields
from components.features.store import CONFIGURATION_FILE, online_path, open_store

KEYS_AT_ONCE = 5_000
"""Keys to read in one statement; SQLite takes 32,766 parameters at most."""

LOOKED_AT_EVERY = 1.0
"""Seconds after which a store that is kept open is looked at, whether it was materialised again."""
REOPENED_EVERY = 60.0
"""Seconds after which one that is not in files is opened anew, for nothing can be seen from outside."""

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
    """Ask for a service's features of n rows; keys and request fields come from ``rows``."""
    keys = list(dict.fromkeys(p.column for p in use_case.features.entities))
    kinds = {name: use_case.data.columns[name].kind for name in [*keys, *request]}
    missing = [name for name in kinds if name not in rows]
    if missing:
        raise ContractViolation(f"missing column {', '.join(missing)}; found: {', '.join(rows)}")
    lists = to_lists(rows, [Field(name=name, kind=kind) for name, kind in kinds.items()])
    for name in keys:
        lists[name] = [_NO_KEY[kinds[name]] if value is None else value for value in lists[name]]
    opened = open_store(store)
    return _in_parts(opened, opened.get_feature_service(service), lists)


def _in_parts(opened: FeatureStore, features: FeatureService | list[str], lists: Lists) -> Lists:
    answer: dict[str, list[object]] = {}
    for start in range(0, max(len(values) for values in lists.values()), KEYS_AT_ONCE):
        part = {name: values[start : start + KEYS_AT_ONCE] for name, values in lists.items()}
        for name, values in opened.get_online_features(features=features, entity_rows=part).to_dict().items():
            answer.setdefault(name, []).extend(values)
    return answer


@dataclass(frozen=True)
class _State:
    looks: tuple[object, ...]
    feast: FeatureStore
    views: Mapping[str, FeatureView]
    known_until: Mapping[str, datetime]


class Opened:
    """A materialised store that is kept open, and opened anew once it was materialised again.

    Whatever online store its ``feature_store.yaml`` names is asked. Any number of threads may.

    Args:
        store: the directory.

    Raises:
        FairleadError: it is no store, or its online half is not there.
    """

    def __init__(self, store: Path) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._look_again_at = 0.0
        self._state = self._open(())
        self._current()

    def read(self, features: Sequence[str], keys: Columns, kinds: Mapping[str, Kind]) -> Lists:
        """Read features of n rows.

        Args:
            features: as ``view:feature``.
            keys: the key columns of the entities that those views are of, n rows; None and NaN say not stated.
            kinds: of the key columns.

        Returns:
            For each feature, under its own name, n values; None where nothing is known, or no key is stated.
        """
        lists = to_lists(keys, [Field(name=name, kind=kinds[name]) for name in keys])
        for name, values in lists.items():
            lists[name] = [_NO_KEY[kinds[name]] if value is None else value for value in values]
        return _in_parts(self._current().feast, list(features), lists)

    def known_until(self, view: str) -> datetime | None:
        """Return the time that a view was last materialised for, None when it never was."""
        return self._current().known_until.get(view)

    def view(self, name: str) -> FeatureView:
        """Return a view as it stands in the registry.

        Raises:
            FairleadError: it has no such view; lists those it has.
        """
        views = self._current().views
        if name not in views:
            raise unknown("feature view", name, views, f"The store {self.store} was built for another use case.")
        return views[name]

    def _current(self) -> _State:
        if time.monotonic() < self._look_again_at:
            return self._state
        with self._lock:
            looks = self._looks()
            if looks != self._state.looks:
                self._state = self._open(looks)
            self._look_again_at = time.monotonic() + LOOKED_AT_EVERY
        return self._state

    def _open(self, looks: tuple[object, ...]) -> _State:
        feast = open_store(self.store)
        path = online_path(feast)
        if path is not None and not path.exists():  # Feast would make an empty one, and answer from it
            raise FairleadError(f"{self.store} has no online half; make it with: fairlead features materialize")
        views = {view.name: view for view in feast.list_batch_feature_views()}
        # Going back in time is materialising too: the last time counts, not the latest.
        ends = {name: v.materialization_intervals[-1][1] for name, v in views.items() if v.materialization_intervals}
        return _State(looks, feast, views, ends)

    def _looks(self) -> tuple[object, ...]:
        """Tell a store from the same one materialised again: by its files, or by the minute where it is not in files.

        In the second in which it is being materialised its registry can be a step ahead of its states.
        """
        feast = self._state.feast
        paths = [self.store / CONFIGURATION_FILE, self.store / feast.config.registry.path, online_path(feast)]
        here = [path.stat() for path in paths if path is not None and path.exists()]
        looks = tuple((found.st_ino, found.st_mtime_ns, found.st_size) for found in here)
        return looks if len(here) == len(paths) else (*looks, time.monotonic() // REOPENED_EVERY)

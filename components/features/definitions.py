"""Feast definitions, made from a use case: entities, history views, the request, the on-demand matrix and services."""

import hashlib
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from types import FunctionType
from typing import Any

from feast import Entity, FeatureService, FeatureView, FileSource, OnDemandFeatureView, RequestSource, ValueType
from feast import Field as FeastField
from feast.types import Float64, Int64, PrimitiveFeastType, String, UnixTimestamp

from components.core.artifacts import code_fingerprint
from components.core.contracts import Kind
from components.core.errors import FairleadError
from components.core.use_case import Entity as EntityPlan
from components.core.use_case import UseCase
from components.features import on_demand
from components.features.catalogue import catalogue
from components.features.history import EVENT_TIMESTAMP, HOLDS_DAYS
from components.features.rows import history_columns, request_fields
from components.features.transform import Transform

TYPES: dict[Kind, PrimitiveFeastType] = {"int": Int64, "float": Float64, "category": String, "date": UnixTimestamp}

_KEY_TYPES: dict[Kind, ValueType] = {"int": ValueType.INT64, "category": ValueType.STRING}

VERSION_DIGITS = 12


def history_path(store: Path, entity: str) -> Path:
    """Return where an entity's history lies in a store directory."""
    return store / "history" / f"{entity}.parquet"


def transform_path(store: Path) -> Path:
    """Return where the fitted transform of the on-demand view lies in a store directory."""
    return store / "transform.json"


def view_name(use_case: str, entity: str) -> str:
    """Name the feature view with an entity's history."""
    return f"{use_case}_{entity}"


WINDOW_TAG = "window_months"
"""Tag of such a view that says how far back its history counts."""


class Definitions:
    """Everything that Feast has to know of one use case.

    Args:
        use_case: entities, windows, inputs and feature names come from here; nothing is repeated.
        store: directory with the histories and, once a model is trained, its ``transform.json``. Feast's DuckDB
            engine takes a relative path from the working directory, so the definitions name absolute ones: apply them
            again after moving the directory.
    """

    def __init__(self, use_case: UseCase, store: Path) -> None:
        self.use_case = use_case
        self.store = store.absolute()

    @cached_property
    def version(self) -> str:
        """Version of the features: changes with their code and with what the use case says of them."""
        said = f"{code_fingerprint('features')}\n{self.use_case.features.model_dump_json()}"
        return hashlib.sha256(said.encode()).hexdigest()[:VERSION_DIGITS]

    @cached_property
    def entities(self) -> list[Entity]:
        """One Feast entity for each kind of thing with a history; its join key is the column of the raw table."""
        return [
            Entity(
                name=plan.name,
                join_keys=[plan.column],
                value_type=self._key_type(plan),
                description=f"Named by the column {plan.column}",
                owner=self.use_case.owner,
            )
            for plan in self.use_case.features.entities
        ]

    @cached_property
    def views(self) -> list[FeatureView]:
        """One view for each entity's history; a state is good for ``HOLDS_DAYS``, by when the history restates it."""
        return [
            self._view(plan, entity)
            for plan, entity in zip(self.use_case.features.entities, self.entities, strict=True)
        ]

    @cached_property
    def request(self) -> RequestSource:
        """What a request carries besides the join keys; dates as ISO text or timestamps."""
        keys = {plan.column for plan in self.use_case.features.entities}
        return RequestSource(
            name=f"{self.use_case.name}_request",
            schema=[
                FeastField(name=name, dtype=TYPES[self.use_case.data.columns[name].kind])
                for name in self.use_case.features.inputs
                if name not in keys
            ],
            description="What a request carries besides the keys of its entities",
            owner=self.use_case.owner,
        )

    @cached_property
    def matrix(self) -> OnDemandFeatureView | None:
        """The model's matrix, computed on demand by the one transform; None until a fitted one is in the store.

        The fitted state is part of the view's own text, so that whoever has the registry and this package computes the
        same numbers, with no file beside it.
        """
        path = transform_path(self.store)
        if not path.exists():
            return None
        text = path.read_text(encoding="utf-8")
        fitted = Transform.from_json(text, catalogue(self.use_case.name))
        function, source = _function(self.use_case, text)
        return OnDemandFeatureView(
            name=f"{self.use_case.name}_matrix",
            sources=[*self.views, self.request],
            # Feast compares these with what it infers, and takes a described field for another one.
            schema=[FeastField(name=name, dtype=Float64) for name in fitted.names],
            udf=function,
            udf_string=source,
            mode="python",
            description="The model's input matrix: float32 numbers, missing as NaN",
            owner=self.use_case.owner,
            tags={
                "transform_fingerprint": fitted.fingerprint(),
                **{f"describes.{f.name}": (f.compute.__doc__ or "").split("\n")[0] for f in fitted.features},
            },
        )

    @cached_property
    def history_service(self) -> FeatureService:
        """Service ``<use case>_history``: what a training table and a live request need of all entities."""
        return self._service("history", [*self.views], "Histories of all entities, as known at a time")

    @cached_property
    def matrix_service(self) -> FeatureService | None:
        """Service ``<use case>_matrix``: the model's matrix; None until there is a fitted transform."""
        if self.matrix is None:
            return None
        fitted = {"transform_fingerprint": self.matrix.tags["transform_fingerprint"]}
        return self._service("matrix", [self.matrix], "The matrix that the model is fed with", fitted)

    def everything(self) -> list[Any]:
        """List all definitions, in the form that ``FeatureStore.apply`` takes."""
        matrix = [] if self.matrix is None else [self.request, self.matrix, self.matrix_service]
        return [*self.entities, *self.views, self.history_service, *matrix]

    def _key_type(self, plan: EntityPlan) -> ValueType:
        kind = self.use_case.data.columns[plan.column].kind
        if kind not in _KEY_TYPES:
            raise FairleadError(
                f"entity {plan.name!r} is keyed by {plan.column!r}, a column of kind {kind!r}; a key can be of kind "
                f"{', '.join(_KEY_TYPES)}"
            )
        return _KEY_TYPES[kind]

    def _view(self, plan: EntityPlan, entity: Entity) -> FeatureView:
        count, bad, last_bad = history_columns(plan.name)
        window = f"in the {plan.window_months} months before"
        key_kind = self.use_case.data.columns[plan.column].kind
        return FeatureView(
            name=view_name(self.use_case.name, plan.name),
            entities=[entity],
            ttl=timedelta(days=HOLDS_DAYS),
            schema=[
                FeastField(name=plan.column, dtype=TYPES[key_kind]),
                FeastField(name=count, dtype=Float64, description=f"Rows with this {plan.name} {window}"),
                FeastField(name=bad, dtype=Float64, description=f"Bad outcomes with this {plan.name} {window}"),
                FeastField(name=last_bad, dtype=UnixTimestamp, description="Day of the latest of these bad outcomes"),
            ],
            source=FileSource(
                name=f"{self.use_case.name}_{plan.name}_changes",
                path=str(history_path(self.store, plan.name)),
                timestamp_field=EVENT_TIMESTAMP,
                description=f"Changes of each {plan.name}'s state; never two at one time",
                owner=self.use_case.owner,
            ),
            description=f"What was known of each {plan.name}; null where there was nothing {window}",
            owner=self.use_case.owner,
            tags={"version": self.version, WINDOW_TAG: str(plan.window_months)},
        )

    def _service(
        self, name: str, features: list[Any], description: str, fitted: dict[str, str] | None = None
    ) -> FeatureService:
        tags = {
            "use_case": self.use_case.name,
            "version": self.version,
            "code_fingerprint": code_fingerprint("features"),
            **(fitted or {}),
        }
        return FeatureService(
            name=f"{self.use_case.name}_{name}",
            features=features,
            description=description,
            owner=self.use_case.owner,
            tags=tags,
        )


def _function(use_case: UseCase, transform: str) -> tuple[FunctionType, str]:
    """Make the view's function, and the same as source text: Feast runs the text where it reads a registry."""
    fields = request_fields(use_case)

    def matrix(lists: dict[str, list[Any]]) -> dict[str, list[float]]:
        return on_demand.matrix(use_case.name, transform, lists, fields)

    assert isinstance(matrix, FunctionType)
    plain = [(f.name, f.kind) for f in fields]
    source = (
        "def matrix(lists):\n"
        "    from components.core.contracts import Field\n"
        "    from components.features import on_demand\n"
        f"    fields = [Field(name=name, kind=kind) for name, kind in {plain!r}]\n"
        f"    return on_demand.matrix({use_case.name!r}, {transform!r}, lists, fields)\n"
    )
    return matrix, source

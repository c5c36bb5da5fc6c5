"""Values that cross stages: the model's contract, metrics with their intervals, gate results."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

Kind = Literal["int", "float", "category", "date"]

type_of_kind: dict[str, str] = {"int": "INT64", "float": "FP64", "category": "BYTES", "date": "BYTES"}
"""V2 protocol datatype in which a field of each kind is sent."""

Columns = Mapping[str, npt.NDArray[Any]]
"""Rows held by column: name → array of shape (n,).

``int`` and ``float`` fields are float64 with NaN for missing, ``category`` fields are object arrays of str with None
for missing, ``date`` fields are datetime64[D] with NaT for missing. Every stage from features on uses this one form,
so that one row from a request and a million rows from a table take the same path.
"""

FloatArray = npt.NDArray[np.floating[Any]]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    def write(self, path: Path) -> None:
        """Write as indented JSON with sorted keys, so that equal values give equal bytes."""
        text = json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True)
        path.write_text(text + "\n", encoding="utf-8")


class Field(_Value):
    """One input of a model, as a client has to send it."""

    name: str
    kind: Kind
    nullable: bool = False
    minimum: float | None = None
    """Smallest value allowed, included; numbers only."""
    maximum: float | None = None
    """Largest value allowed, included; numbers only."""
    earliest: date | None = None
    """First day allowed, included; dates only."""
    values: tuple[str, ...] | None = None
    """The closed domain of a category; None leaves it open."""

    @property
    def datatype(self) -> str:
        """V2 protocol datatype of the tensor."""
        return type_of_kind[self.kind]


class Output(_Value):
    """One output tensor of a model, shape (n,)."""

    name: str
    datatype: str


class Entity(_Value):
    """A kind of thing whose history is among the inputs, so that it can be looked up by key as well as sent."""

    name: str
    key: str
    """The input that says which one a row is about."""
    history: tuple[str, ...]
    """The inputs that hold its history."""
    window_months: int
    """How far back that history counts; a store that counts otherwise does not fit the model."""


class HeldOut(_Value):
    """Rows that a model has not learned from although they are of the same time: the last ones of a shuffle."""

    seed: int
    """Of the shuffle, see ``components.training.splits.place``."""
    share: float
    """Their share of the rows."""


class Contract(_Value):
    """What a bundle takes, gives and was made from; ``contract.json`` in the bundle."""

    schema_version: Literal[1] = 1
    model: str
    inputs: tuple[Field, ...]
    entities: tuple[Entity, ...] = ()
    """Whose histories a server may look up; bundles written before there was such a lookup name none."""
    event_time: str = ""
    """The input with the day that a row is asked about; empty in those bundles."""
    outputs: tuple[Output, ...] = (
        Output(name="probability", datatype="FP64"),
        Output(name="decision", datatype="INT64"),
    )
    features: tuple[str, ...]
    """Names of the transform's output columns, in the model's order."""
    threshold: float
    """``decision`` is 1 where ``probability`` is at or above it."""
    as_of: str
    """ISO date: nothing known later went into the model."""
    trained_until: str
    """ISO date of the newest event that the model or its calibration learned from; fair to judge it on later rows."""
    held_out: HeldOut | None = None
    """The rows that it is fair to judge it on where rows were shuffled; None where they were split by time."""
    algorithm: str
    data_hash: str
    """sha256 of the raw table."""
    transform_fingerprint: str
    code_fingerprint: str
    environment_lock: str
    """sha256 of the lock file of the environment that trained the model."""

    @classmethod
    def read(cls, path: Path) -> "Contract":
        """Read ``contract.json``."""
        return cls.model_validate_json(path.read_text(encoding="utf-8"))


class Estimate(_Value):
    """A metric with its 95 % interval; ``value`` is None where there was too little data to say."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int

    def __str__(self) -> str:
        if self.value is None:
            return f"no data (n={self.n})"
        if self.low is None or self.high is None:
            return f"{self.value:.4f} (n={self.n})"
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}] (n={self.n})"


class SliceMetrics(_Value):
    """All metrics of one model on one slice of one data set."""

    dataset: str
    """``test`` (mature when the model was trained) or ``backtest`` (the future, in hindsight)."""
    slice: str
    """``all``, ``year=2000``, ``NewExist=2`` …"""
    metrics: dict[str, Estimate]


GateVerdict = Literal["pass", "fail", "no_data"]


class GateResult(_Value):
    """What one gate found; ``no_data`` is a result of its own and never a pass."""

    gate: str
    """Name in the configuration, for example ``auc_floor``."""
    check: str
    """What was compared, in words: ``test/all auc.low >= 0.60``."""
    threshold: float | None
    value: float | None
    verdict: GateVerdict
    estimate: Estimate | None = None
    """What was measured, with its interval and its rows, where that was estimated."""
    reason: str = ""
    blocking: bool = True
    """False: reported, never stops a run."""

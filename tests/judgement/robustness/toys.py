"""Models small enough to know what an attack must find."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Field, FloatArray
from components.judgement.robustness.levers import Lever
from components.judgement.robustness.meter import Aim, Meter
from components.judgement.row_rules import RowRules

FIELDS = (
    Field(name="owed", kind="float", minimum=0, maximum=1_000),
    Field(name="paid", kind="float", minimum=0, maximum=1_000),
    Field(name="late", kind="int", minimum=0, maximum=9),
    Field(name="age", kind="int", minimum=18, maximum=120),
)
OWED, PAID = Lever("owed", -1, 1_000.0, 0.0, 1_000.0, False), Lever("paid", 1, 1_000.0, 0.0, 1_000.0, False)
NO_RULES = RowRules([], FIELDS)


@dataclass(frozen=True)
class Linear:
    """Flags where the weighted sum is at least 0."""

    weights: Mapping[str, float]
    bias: float

    def probability(self, rows: Columns, /) -> FloatArray:
        total = np.full(len(rows["owed"]), self.bias)
        for name, weight in self.weights.items():
            total = total + weight * rows[name]
        return 1 / (1 + np.exp(-total / 100))

    def decide(self, probability: FloatArray, /) -> npt.NDArray[np.int64]:
        return (probability >= 0.5).astype(np.int64)


@dataclass(frozen=True)
class Sawtooth(Linear):
    """Decides by the last digits of what was paid, and by nothing else."""

    def probability(self, rows: Columns, /) -> FloatArray:
        return np.where(np.floor(rows["paid"]) % 10 == 3, 0.1, 0.9)


def row(owed: float = 500.0, paid: float = 100.0, late: float = 1.0, age: float = 40.0) -> dict[str, FloatArray]:
    return {"owed": np.array([owed]), "paid": np.array([paid]), "late": np.array([late]), "age": np.array([age])}


def aim(model: Linear, budget: float = 0.1, queries: int = 200, rules: RowRules = NO_RULES) -> Aim:
    return Aim(model, (OWED, PAID), rules, budget, queries)


def meter(model: Linear, start: Columns, reach: float = 0.1, **how: float) -> Meter:
    return Meter(aim(model, **how), start, reach)  # type: ignore[arg-type]

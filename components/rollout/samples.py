"""What a rollout has observed, metric by metric, and what was concluded from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from components.core.contracts import FloatArray
from components.core.errors import FairleadError

Kind = Literal["proportion", "mean", "paired"]

BoolArray = npt.NDArray[np.bool_]

_Columns = dict[str, BoolArray | FloatArray]


class MetricSpec(Protocol):
    """What the statistics ask of one metric of a plan."""

    @property
    def name(self) -> str:
        """Name of the metric, for example ``error_rate``; the key of its sample."""

    @property
    def kind(self) -> Kind:
        """``proportion``: 0 or 1 for each request; ``mean``: a number from 0 to ``bound``; ``paired``: a difference."""

    @property
    def tolerated(self) -> float:
        """Harm is candidate - stable above this; at least 0, in the metric's unit (0.005 is half a percent point)."""

    @property
    def margin(self) -> float | None:
        """Safe is candidate - stable below this, in the metric's unit; 0 asks for a better one; None for nothing."""

    @property
    def bound(self) -> float:
        """Largest value that counts; for ``paired`` the largest difference in either direction; 1 for proportions."""


@dataclass(frozen=True)
class Measured:
    """One metric as the statistics take it; what a plan holds of it besides is none of their business."""

    name: str
    kind: Kind
    tolerated: float = 0.0
    margin: float | None = None
    bound: float = 1.0


@dataclass(frozen=True)
class TwoArm:
    """Requests randomised between candidate and stable, in the order in which they were observed.

    Args:
        candidate: shape (n,), whether the candidate answered.
        share: shape (n,), the probability with which that very request was sent to the candidate, given all that went
            before: the weight then in force. Where keys stick to a side, see ``statistics.sticky``. Rows with 0 or 1
            were not randomised and prove nothing.
        value: shape (n,), higher is worse; 0 or 1 for a proportion.
        covariate: shape (n,), a number known before the assignment (for example the loss that the stable model
            expected of itself): takes noise out.

    Raises:
        FairleadError: lengths differ, a value is no number, or a share is not a probability.
    """

    candidate: BoolArray
    share: FloatArray
    value: FloatArray
    covariate: FloatArray | None = None

    def __post_init__(self) -> None:
        columns: _Columns = {"candidate": self.candidate, "share": self.share, "value": self.value}
        if self.covariate is not None:
            columns["covariate"] = self.covariate
        _check_columns(columns)
        wrong = self.share[(self.share < 0) | (self.share > 1)]
        if len(wrong):
            raise FairleadError(f"share holds {wrong[0]} ({len(wrong)} such rows); allowed: a probability, 0 to 1")


@dataclass(frozen=True)
class Paired:
    """The same requests answered by both, as in shadowing, in the order in which they were observed.

    Args:
        difference: shape (n,), candidate - stable; higher is worse for the candidate.

    Raises:
        FairleadError: a difference is no number.
    """

    difference: FloatArray

    def __post_init__(self) -> None:
        _check_columns({"difference": self.difference})


Sample = TwoArm | Paired

Samples = Mapping[str, Sample]
"""Sample by metric name."""


class Evidence(BaseModel):
    """What is known of one metric; may be looked at any time, and acted upon at any time.

    ``e_harm`` and ``e_safe`` are e-values: bets against a statement, with a stake of 1, that cannot grow on average
    while it is true. Above ``1 / a`` they refute it, and over all looks together that happens to a true statement with
    probability ``a`` at most (Ramdas, Grünwald, Vovk and Shafer, "Game-theoretic statistics and safe anytime-valid
    inference", 2023).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    metric: str
    n_candidate: int
    """Requests that the candidate answered; with ``n_stable``, those that were not randomised included."""
    n_stable: int
    mean_candidate: float | None = None
    """Plain mean over the candidate's requests: to be shown, never compared, for weights change along the way."""
    mean_stable: float | None = None
    estimate: float | None = None
    """Candidate - stable, positive is worse; None where there is no data."""
    low: float | None = None
    """With ``high``: holds the true difference at all looks at once, with the probability that the plan promises."""
    high: float | None = None
    e_harm: float = 1.0
    """Against "at no request was the candidate worse than stable by more than ``tolerated``".

    Its bets begin anew along the way: harm that begins late shows here before ``low`` is above ``tolerated``.
    """
    e_safe: float = 1.0
    """Against "the candidate is worse than stable by ``margin`` or more"; 1 where the metric has no margin."""
    reason: str = ""
    """Why there is no data: the probable cause."""
    note: str = ""
    """What is to be known beside the numbers; decides nothing."""

    @property
    def has_data(self) -> bool:
        """Whether anything was observed that says something of the difference."""
        return self.estimate is not None


def _check_columns(columns: _Columns) -> None:
    lengths = {name: column.shape for name, column in columns.items()}
    if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
        raise FairleadError(f"a sample needs columns of one length; found shapes {lengths}")
    for name, column in columns.items():
        wrong = int((~np.isfinite(column)).sum())
        if wrong:
            raise FairleadError(f"{name} holds {wrong} values that are no finite number; leave such rows out")

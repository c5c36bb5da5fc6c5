"""Detectors of odd rows in a batch: the one that the bundle carries, or an isolation forest on rows at hand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Field, FloatArray
from components.core.errors import FairleadError
from components.serving.guard import Guard

if TYPE_CHECKING:
    from components.training.bundle import Bundle

TREES = 200
FLAGGED = 0.005
"""Share of the rows it learned from whose score is above the threshold, as with the bundle's detector."""


@dataclass(frozen=True)
class RowDetector:
    """Scores rows.

    Args:
        name: of its kind.
        score: rows → shape (n,), higher for odder ones.
        threshold: rows that score above it are outliers.
        fields: the inputs that it reads.
    """

    name: Literal["bundle", "forest"]
    score: Callable[[Columns], FloatArray]
    threshold: float
    fields: tuple[str, ...]


def by_bundle(bundle: "Bundle") -> RowDetector | None:
    """Take the detector that a bundle carries; None where it carries none.

    It reads what the model reads, and so all inputs of the contract.
    """
    guard = Guard.open(bundle.path)
    if guard is None:
        return None

    def score(columns: Columns) -> FloatArray:
        return guard.score(bundle.transform.apply(columns))[0]

    return RowDetector("bundle", score, guard.threshold, tuple(f.name for f in bundle.contract.inputs))


def by_forest(rows: Columns, fields: Sequence[Field], seed: int, flagged: float = FLAGGED) -> RowDetector:
    """Grow an isolation forest on rows that are taken as ordinary.

    It needs no model, and no history that a raw table does not have. A category goes in as its share of the rows, a day
    as its number, and what is missing as the median. It sees single values that are far out; the bundle's detector sees
    more, as ``components.training.outliers`` measured. (F. T. Liu, K. M. Ting and Z.-H. Zhou, "Isolation forest", ICDM
    2008; the score is their s, between 0 and 1.)

    >>> rng = np.random.default_rng(0)
    >>> fields = [Field(name=name, kind="float") for name in "abc"]
    >>> detector = by_forest({name: rng.normal(size=1000) for name in "abc"}, fields, seed=1)
    >>> (detector.score({name: np.array([0.1, 50.0]) for name in "abc"}) > detector.threshold).tolist()
    [False, True]

    Args:
        rows: n of them.
        fields: the inputs to read.
        seed: of the trees.
        flagged: share of the rows whose score is above the threshold.

    Raises:
        FairleadError: there are no rows, or no inputs.
    """
    # It takes a second to import, and only those who grow a forest need it.
    from sklearn.ensemble import IsolationForest

    if not fields or len(rows[fields[0].name]) == 0:
        raise FairleadError("an isolation forest was asked for on no rows or no inputs; give it some of training")
    encoders = [_encoder(rows[f.name], f) for f in fields]

    def matrix(columns: Columns) -> npt.NDArray[np.float64]:
        return np.column_stack([encode(columns[f.name]) for f, encode in zip(fields, encoders, strict=True)])

    known = matrix(rows)
    forest = IsolationForest(n_estimators=TREES, random_state=seed).fit(known)

    def score(columns: Columns) -> FloatArray:
        scores: FloatArray = -forest.score_samples(matrix(columns))
        return scores

    threshold = float(np.quantile(score(rows), 1 - flagged, method="higher"))
    return RowDetector("forest", score, threshold, tuple(f.name for f in fields))


def _encoder(values: npt.NDArray[Any], field: Field) -> Callable[[npt.NDArray[Any]], npt.NDArray[np.float64]]:
    if field.kind == "category":
        texts, counts = np.unique([str(v) for v in values.tolist() if v is not None], return_counts=True)
        shares = dict(zip(texts.tolist(), (counts / len(values)).tolist(), strict=True))
        missing = float(np.mean([v is None for v in values.tolist()]))
        return lambda found: np.array([missing if v is None else shares.get(str(v), 0.0) for v in found.tolist()])
    numbers = _numbers(values, field)
    given = numbers[np.isfinite(numbers)]
    median = float(np.median(given)) if len(given) else 0.0
    return lambda found: np.where(np.isfinite(n := _numbers(found, field)), n, median)


def _numbers(values: npt.NDArray[Any], field: Field) -> npt.NDArray[np.float64]:
    if field.kind != "date":
        return values.astype(np.float64)
    days = values.astype("datetime64[D]")
    return np.where(np.isnat(days), np.nan, days.astype(np.int64).astype(np.float64))

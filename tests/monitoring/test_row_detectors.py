"""Detectors of odd rows: the bundle's own, and a forest on rows of every kind."""

import numpy as np
import pytest

from components.core.contracts import Field
from components.core.errors import FairleadError
from components.monitoring.row_detectors import by_bundle, by_forest
from components.serving.guard import Guard
from components.training.bundle import Bundle
from components.training.dataset import read

FIELDS = [
    Field(name="amount", kind="float", nullable=True),
    Field(name="bank", kind="category", nullable=True),
    Field(name="day", kind="date", nullable=True),
    Field(name="empty", kind="float", nullable=True),
]


def _rows(n, seed):
    rng = np.random.default_rng(seed)
    amount = rng.normal(100, 10, n)
    amount[::17] = np.nan
    bank = rng.choice(np.array(["A", "B", None], dtype=object), n)
    day = np.datetime64("2003-01-01") + rng.integers(0, 365, n)
    day[::13] = np.datetime64("NaT")
    return {"amount": amount, "bank": bank, "day": day.astype("datetime64[D]"), "empty": np.full(n, np.nan)}


def test_a_forest_finds_what_is_far_out_and_little_else():
    detector = by_forest(_rows(2000, 0), FIELDS, seed=3)
    assert (detector.score(_rows(2000, 0)) > detector.threshold).mean() <= 0.005
    assert (detector.score(_rows(2000, 1)) > detector.threshold).mean() < 0.03
    odd = {
        "amount": np.full(3, 9e9),
        "bank": np.array(["never seen"] * 3, dtype=object),
        "day": np.full(3, np.datetime64("2050-01-01"), dtype="datetime64[D]"),
        "empty": np.full(3, np.nan),
    }
    assert (detector.score(odd) > detector.threshold).all()
    again = by_forest(_rows(2000, 0), FIELDS, seed=3)
    assert again.score(odd).tolist() == detector.score(odd).tolist()


def test_a_forest_on_nothing_is_refused():
    for rows, fields in ((_rows(0, 0), FIELDS), (_rows(5, 0), [])):
        with pytest.raises(FairleadError, match="no rows or no inputs"):
            by_forest(rows, fields, seed=0)


def test_the_bundles_own_scores_as_the_server_does(signed_bundle, sba, small_dataset, tmp_path):
    bundle = Bundle.open(signed_bundle)
    rows = {name: values[:50] for name, values in read(small_dataset, sba, "test").columns.items()}
    detector, guard = by_bundle(bundle), Guard.open(signed_bundle)
    assert detector.score(rows).tolist() == guard.score(bundle.transform.apply(rows))[0].tolist()
    assert (detector.threshold, detector.fields) == (guard.threshold, tuple(f.name for f in bundle.contract.inputs))
    bare = Bundle(tmp_path, bundle.contract, bundle.transform, bundle.calibration, bundle.scorer)
    assert by_bundle(bare) is None

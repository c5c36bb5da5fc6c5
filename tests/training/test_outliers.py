import json
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from components.core.errors import IntegrityError
from components.features.rows import from_frame, request_fields
from components.training import outliers
from components.training.outliers import FLAGGED, MINIMUM, Detector, Outliers, fit, fit_known, probe_differences
from tests.conftest import AS_OF

DAYS = np.full(3_000, "2003-12-31", dtype="datetime64[D]")


@pytest.fixture(scope="module")
def known(small_dataset):
    return pl.read_parquet(small_dataset.with_name("features.parquet")).filter(pl.col("event_time") <= AS_OF)


@pytest.fixture(scope="module")
def fitted(small_dataset, sba, candidate) -> Outliers:
    found = fit_known(small_dataset.with_name("features.parquet"), sba, candidate.transform, AS_OF)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def made_up() -> np.ndarray:
    """Four features: two that go together, one that is seldom given, one that is always the same."""
    rng = np.random.default_rng(1)
    first = rng.lognormal(size=len(DAYS))
    seldom = np.where(rng.random(len(DAYS)) < 0.1, rng.normal(size=len(DAYS)), np.nan)
    columns = [first, first * rng.lognormal(0, 0.05, len(DAYS)), seldom, np.ones(len(DAYS))]
    return np.column_stack(columns).astype(np.float32)


def share(fitted: Outliers, transform, rows) -> float:
    return float((Detector(fitted).score(transform.apply(rows)) > fitted.threshold).mean())


def test_the_promised_share_of_the_known_rows_is_flagged(fitted, candidate, known, sba):
    rows = from_frame(known.sort("event_time", "row_id"), request_fields(sba))
    assert share(fitted, candidate.transform, rows) == pytest.approx(FLAGGED, abs=1 / len(known))
    assert (fitted.rows, fitted.first_day) == (len(known), known["event_time"].min())
    assert fitted.last_day == known["event_time"].max() <= AS_OF


def test_faults_put_into_real_rows_are_flagged_and_the_rows_as_they_are_mostly_not(fitted, candidate, known, sba):
    rows = dict(from_frame(known.sort("event_time", "row_id").tail(2_000), request_fields(sba)))
    faults = {
        "a thousand times too large": ({n: rows[n] * 1000 for n in ("GrAppv", "SBA_Appv")}, 0.9),
        "a thousand times too small": ({n: rows[n] / 1000 for n in ("GrAppv", "SBA_Appv")}, 0.9),
        "one of two units": ({"SBA_Appv": rows["SBA_Appv"] * 1000}, 0.99),
        "columns swapped": ({"GrAppv": np.maximum(rows["NoEmp"], 1.0), "NoEmp": rows["GrAppv"]}, 0.99),
        "counts swapped": ({"bank_count": rows["bank_bad"], "bank_bad": rows["bank_count"]}, 0.8),
        "decades late": ({"ApprovalDate": rows["ApprovalDate"] + np.timedelta64(18_000, "D")}, 0.8),
    }
    plain = share(fitted, candidate.transform, rows)
    assert plain < 0.02
    for name, (changed, least) in faults.items():
        assert share(fitted, candidate.transform, {**rows, **changed}) > least, name


def test_nothing_after_the_training_date_is_looked_at(small_dataset, sba, candidate, known, tmp_path):
    known.write_parquet(tmp_path / "known.parquet")
    whole = small_dataset.with_name("features.parquet")
    assert pl.read_parquet(whole)["event_time"].max() > AS_OF
    both = [fit_known(path, sba, candidate.transform, AS_OF) for path in (whole, tmp_path / "known.parquet")]
    assert both[0] == both[1]


def test_only_the_newest_rows_are_taken(small_dataset, sba, candidate, known, monkeypatch):
    monkeypatch.setattr(outliers, "ROWS", 500)
    found = fit_known(small_dataset.with_name("features.parquet"), sba, candidate.transform, AS_OF)
    assert found is not None
    assert (found.rows, found.last_day) == (500, known["event_time"].max())
    assert found.first_day == known.sort("event_time", "row_id")["event_time"][-500]


def test_what_goes_together_is_odd_apart(made_up):
    fitted = fit(made_up, list("abcd"), DAYS)
    together, apart = [np.array([[v, w, np.nan, 1]], dtype=np.float32) for v, w in ((4.0, 4.0), (4.0, 0.25))]
    scores = [Detector(fitted).score(row)[0] for row in (together, apart)]
    assert scores[0] < fitted.threshold < scores[1]


def test_a_feature_that_never_varied_has_no_part_and_one_seldom_given_is_not_odd_for_being_given(made_up):
    fitted = fit(made_up, list("abcd"), DAYS)
    assert fitted.used == (0, 1, 2)
    row = np.array([[1.0, 1.0, np.nan, 1.0]] * 3, dtype=np.float32)
    row[1, 2], row[2, 3] = 0.5, 99.0
    scores = Detector(fitted).score(row)
    assert scores[2] == scores[0]
    assert scores[1] < fitted.threshold


def test_farther_out_is_odder_and_infinite_is_a_number(made_up):
    detector = Detector(fit(made_up, list("abcd"), DAYS))
    rows = np.array([[v, v, np.nan, 1] for v in (1, 50, 500, 5e4, np.inf)], dtype=np.float32)
    scores = detector.score(rows)
    assert (np.diff(scores) > 0).all()
    assert np.isfinite(scores).all()
    assert detector.score(np.full((1, 4), np.nan, dtype=np.float32)).tolist() == [0.0]
    assert detector.score(rows[:0]).shape == (0,)


@settings(deadline=None, max_examples=50)
@given(
    arrays(np.float32, (7, 4), elements=st.floats(width=32, allow_nan=True, allow_infinity=True)),
    st.permutations(range(7)),
)
def test_a_row_has_one_score_whoever_is_beside_it(made_up, rows, order):
    detector = Detector(fit(made_up, list("abcd"), DAYS))
    scores = detector.score(rows)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()
    np.testing.assert_allclose(detector.score(rows[order]), scores[order], rtol=1e-12)
    np.testing.assert_allclose([detector.score(rows[i : i + 1])[0] for i in range(7)], scores, rtol=1e-12)


def test_too_little_to_tell_what_is_ordinary_makes_no_detector(made_up, small_dataset, sba, candidate):
    assert fit(made_up[: MINIMUM - 1], list("abcd"), DAYS[: MINIMUM - 1]) is None
    assert fit(np.ones((500, 2), dtype=np.float32), ["a", "b"], DAYS[:500]) is None
    assert fit(np.full((500, 2), np.nan, dtype=np.float32), ["a", "b"], DAYS[:500]) is None
    before = fit_known(small_dataset.with_name("features.parquet"), sba, candidate.transform, date(1990, 1, 1))
    assert before is None


def test_infinite_values_in_training_leave_a_detector_that_can_be_kept(made_up, tmp_path):
    rows = made_up.copy()
    rows[5, 0], rows[6] = np.inf, -np.inf
    fitted = fit(rows, list("abcd"), DAYS)
    fitted.write(tmp_path / "outliers.json")
    again = Outliers.read(tmp_path / "outliers.json")
    assert probe_differences(again, Detector(again)) == []


def test_what_was_written_scores_alike_and_equal_detectors_give_equal_bytes(made_up, tmp_path):
    fitted = fit(made_up, list("abcd"), DAYS)
    for name in ("one", "two"):
        fit(made_up, list("abcd"), DAYS).write(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    again = Outliers.read(tmp_path / "one")
    assert again == fitted
    np.testing.assert_array_equal(Detector(again).score(made_up), Detector(fitted).score(made_up))
    assert probe_differences(again, Detector(again)) == []


def test_a_detector_that_answers_otherwise_is_told(made_up):
    fitted = fit(made_up, list("abcd"), DAYS)
    other = fitted.model_copy(update={"whiten": tuple(tuple(2 * v for v in row) for row in fitted.whiten)})
    found = probe_differences(other, Detector(other))
    assert len(found) == 3
    assert "probe 2 scores" in found[-1]


@pytest.mark.parametrize("change", [{"algorithm": "forest"}, {"threshold": "high"}, {"more": 1}])
def test_what_is_no_detector_is_refused_by_field(made_up, tmp_path, change):
    path = tmp_path / "outliers.json"
    fit(made_up, list("abcd"), DAYS).write(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(IntegrityError, match=rf"cannot be read as an outlier detector: {next(iter(change))}"):
        Outliers.read(path)
    path.write_text("{")
    with pytest.raises(IntegrityError, match="cannot be read"):
        Outliers.read(path)


def test_it_says_what_it_is_made_of(fitted):
    assert f"distance from {fitted.rows} rows of" in str(fitted)
    assert "0.50% of these rows" in str(fitted)

import json
import shutil

import numpy as np
import pytest

from components.core.errors import IntegrityError
from components.serving.guard import Guard
from components.training.bundle import Bundle
from components.training.outliers import FILE


@pytest.fixture
def copy(signed_bundle, tmp_path):
    return shutil.copytree(signed_bundle, tmp_path / "bundle")


def change(bundle, **fields):
    path = bundle / FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_real_rows_pass_and_a_wrong_unit_is_flagged(opened, rows):
    guard = Guard.open(opened.path)
    scores, odd = guard.score(opened.transform.apply(rows))
    assert (scores.dtype, odd.dtype, scores.shape) == (np.float64, np.bool_, (1500,))
    assert (odd == (scores > guard.threshold)).all()
    assert odd.mean() < 0.05
    wrong = {**rows, "GrAppv": rows["GrAppv"] * 1000, "SBA_Appv": rows["SBA_Appv"] * 1000}
    assert guard.score(opened.transform.apply(wrong))[1].mean() > 0.8


def test_the_guard_changes_no_score(opened, rows):
    before = opened.probability(rows)
    Guard.open(opened.path).score(opened.transform.apply(rows))
    np.testing.assert_array_equal(opened.probability(rows), before)


def test_a_bundle_written_before_there_was_a_guard_has_none(copy):
    (copy / FILE).unlink()
    sums = json.loads((copy / "checksums.json").read_text())
    sums.pop(FILE)
    (copy / "checksums.json").write_text(json.dumps(sums))
    assert Guard.open(Bundle.open(copy).path) is None


def test_the_checksums_cover_the_guard(copy):
    change(copy, threshold=99.0)
    with pytest.raises(IntegrityError, match=r"outliers\.json: expected sha256"):
        Bundle.open(copy)
    (copy / FILE).unlink()
    with pytest.raises(IntegrityError, match=r"outliers\.json: missing"):
        Bundle.open(copy)


def test_a_guard_of_other_features_is_refused(copy, opened):
    change(copy, features=[*opened.contract.features[1:], "surprise"])
    with pytest.raises(IntegrityError, match=r"surprise.*the contract has"):
        Guard.open(copy)


def test_a_guard_that_answers_otherwise_than_at_the_fit_is_refused(copy):
    scores = json.loads((copy / FILE).read_text())["probe_scores"]
    change(copy, probe_scores=[scores[0] + 1e-6, *scores[1:]])
    with pytest.raises(IntegrityError, match=r"probe 0 scores .* train a new one"):
        Guard.open(copy)

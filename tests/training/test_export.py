import dataclasses
from pathlib import Path

import numpy as np
import pytest
import xgboost

from components.core.errors import FairleadError, IntegrityError
from components.core.use_case import UseCase
from components.training.candidate import Candidate
from components.training.dataset import read
from components.training.export import export
from components.training.scorer import TOLERANCE, Scorer


@pytest.fixture(scope="module")
def matrix(candidate: Candidate, small_dataset: Path, sba: UseCase) -> np.ndarray:
    return candidate.transform.apply(read(small_dataset, sba, "train").columns)


@pytest.mark.parametrize("which", ["candidate", "baseline"])
def test_the_portable_form_answers_like_the_native_one(which, matrix, tmp_path, request):
    candidate = request.getfixturevalue(which)
    assert np.isnan(matrix).any(axis=0).sum() >= 3
    difference = export(candidate, matrix, tmp_path)
    native = candidate.calibration.apply(candidate.model.predict_proba(matrix)[:, 1])
    portable = candidate.calibration.apply(Scorer(tmp_path / "model.onnx").score(matrix))
    assert difference == np.abs(native - portable).max() <= TOLERANCE
    assert np.ptp(native) > 0.05


@pytest.mark.parametrize("which", ["candidate", "baseline"])
def test_a_row_without_any_value_is_scored_like_natively(which, matrix, tmp_path, request):
    candidate = request.getfixturevalue(which)
    export(candidate, matrix, tmp_path)
    nothing = np.full((1, matrix.shape[1]), np.nan, dtype=np.float32)
    assert Scorer(tmp_path / "model.onnx").score(nothing) == pytest.approx(
        candidate.model.predict_proba(nothing)[:, 1], abs=1e-6
    )


def test_equal_models_give_equal_bytes(candidate, matrix, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        export(candidate, matrix, tmp_path / name)
    assert (tmp_path / "one" / "model.onnx").read_bytes() == (tmp_path / "two" / "model.onnx").read_bytes()


def test_xgboost_keeps_its_own_form_too(candidate, matrix, tmp_path):
    export(candidate, matrix, tmp_path)
    again = xgboost.XGBClassifier()
    again.load_model(tmp_path / "model.ubj")
    assert again.predict_proba(matrix[:50]) == pytest.approx(candidate.model.predict_proba(matrix[:50]))


class Skewed:
    """A real model whose own answers are off for one row, as those of a faulty converter would be."""

    def __init__(self, model):
        self.model = model

    def get_booster(self):
        return self.model.get_booster()

    def predict_proba(self, matrix):
        answers = self.model.predict_proba(matrix).copy()
        answers[17, 1] += 0.01
        return answers

    def __getattr__(self, name):
        return getattr(self.model, name)


def test_a_portable_form_that_answers_differently_is_refused_with_the_worst_row(
    candidate, matrix, tmp_path, monkeypatch
):
    import components.training.export as module

    faithful = module._to_onnx(candidate, matrix.shape[1])
    monkeypatch.setattr(module, "_to_onnx", lambda _candidate, _width: faithful)
    with pytest.raises(IntegrityError, match=r"row 17 gets 0\.\d+, natively 0\.\d+; allowed .*log_amount="):
        export(dataclasses.replace(candidate, model=Skewed(candidate.model)), matrix, tmp_path)


def test_an_unknown_algorithm_names_those_that_can_be_exported(candidate, matrix, tmp_path):
    with pytest.raises(FairleadError, match="unknown algorithm 'forest'; allowed: xgboost, logistic"):
        export(dataclasses.replace(candidate, algorithm="forest"), matrix, tmp_path)

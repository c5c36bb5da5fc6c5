import numpy as np
import pytest

from components.core.errors import IntegrityError
from components.training import export as exporting
from components.training.booster import FILE, open_booster
from components.training.dataset import read
from components.training.export import export
from components.training.scorer import TOLERANCE


@pytest.fixture(scope="module")
def matrix(candidate, small_dataset, sba):
    return candidate.transform.apply(read(small_dataset, sba, "train").columns)


def test_from_disk_and_in_place_it_scores_as_the_trained_model(candidate, matrix, tmp_path):
    export(candidate, matrix, tmp_path)
    found = open_booster(tmp_path / FILE)(matrix)
    assert found.shape == (len(matrix),)
    assert np.abs(found - candidate.model.predict_proba(matrix)[:, 1]).max() <= TOLERANCE


def test_a_form_that_answers_otherwise_is_not_written_as_a_bundle(candidate, matrix, tmp_path, monkeypatch):
    def off_by_a_little(path):
        score = open_booster(path)
        return lambda rows: score(rows) + np.where(np.arange(len(rows)) == 7, np.float32(0.01), np.float32(0))

    monkeypatch.setattr(exporting, "open_booster", off_by_a_little)
    with pytest.raises(IntegrityError, match=r"model\.ubj does not answer like the xgboost model: row 7 gets 0\.\d+"):
        export(candidate, matrix, tmp_path)


def test_a_file_that_is_no_booster_is_refused(tmp_path):
    (tmp_path / FILE).write_bytes(b"{L\x00 nothing")
    with pytest.raises(IntegrityError, match=r"model\.ubj cannot be loaded as an XGBoost model"):
        open_booster(tmp_path / FILE)

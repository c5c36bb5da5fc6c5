import numpy as np
import pytest

from components.core.errors import ContractViolation
from components.training.dataset import read


def test_probability_is_transform_then_model_then_calibration(candidate, small_dataset, sba):
    columns = read(small_dataset, sba, "test").columns
    scores = candidate.model.predict_proba(candidate.transform.apply(columns))[:, 1]
    probability = candidate.probability(columns)
    assert probability.dtype == np.float64
    assert np.array_equal(probability, candidate.calibration.apply(scores))


@pytest.mark.parametrize("which", ["candidate", "baseline"])
def test_a_row_scores_the_same_alone_and_among_others(which, small_dataset, sba, request):
    candidate = request.getfixturevalue(which)
    columns = read(small_dataset, sba, "test").columns
    together = candidate.probability(columns)
    for i in (0, 17, len(together) - 1):
        alone = candidate.probability({name: values[i : i + 1] for name, values in columns.items()})
        # A processor adds a row's products in another order than those of many rows, in single precision.
        assert alone[0] == pytest.approx(together[i], abs=1e-7)


def test_a_missing_column_is_named(candidate, small_dataset, sba):
    columns = dict(read(small_dataset, sba, "test").columns)
    del columns["GrAppv"]
    with pytest.raises(ContractViolation, match="missing column GrAppv"):
        candidate.probability(columns)

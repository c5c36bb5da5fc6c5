"""Models that have not seen the rows under attack."""

import numpy as np
from sklearn.metrics import roc_auc_score

from components.judgement.privacy.reference import MINIMUM_OF_OUTCOME, two_references
from components.judgement.subject import Subject


def test_two_models_that_differ_and_do_well_on_rows_they_have_not_seen(careful: Subject) -> None:
    left = np.arange(len(careful.train))[600:]
    models = two_references(careful, left)
    assert models is not None
    matrix = careful.bundle.transform.apply(careful.test.columns)
    first, second = (m.probability(matrix) for m in models)
    assert not np.array_equal(first, second)
    own = roc_auc_score(careful.test.labels, careful.test.probability)
    for p in (first, second):
        assert roc_auc_score(careful.test.labels, p) > own - 0.04
        assert abs(p.mean() - careful.test.labels.mean()) < 0.05
    again = two_references(careful, left)
    assert again is not None
    np.testing.assert_array_equal(again[0].probability(matrix), first)


def test_too_few_rows_of_an_outcome_teach_nobody(careful: Subject) -> None:
    bad, good = (np.flatnonzero(careful.train.labels == outcome) for outcome in (1, 0))
    few = np.concatenate([bad[: 2 * MINIMUM_OF_OUTCOME - 1], good])
    assert two_references(careful, few) is None
    enough = np.concatenate([bad[: 2 * MINIMUM_OF_OUTCOME], good])
    assert two_references(careful, enough) is not None

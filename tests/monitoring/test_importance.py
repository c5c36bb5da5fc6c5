import dataclasses

import numpy as np
import pytest

from components.monitoring.importance import importance
from components.training.bundle import Bundle


@pytest.fixture(scope="module")
def bundle(signed_bundle):
    return Bundle.open(signed_bundle)


@dataclasses.dataclass(frozen=True)
class Reads:
    """A scorer that reads one feature, or none."""

    place: int | None

    def score(self, matrix):
        return np.full(len(matrix), 0.1) if self.place is None else 0.1 + 0.8 * (matrix[:, self.place] > 12)


def test_shares_of_inputs_and_of_features_add_up_each(bundle):
    found = importance(bundle)
    inputs, features = bundle.transform.inputs, bundle.transform.names
    assert set(found) == {*inputs, *features}
    assert sum(found[n] for n in inputs) == pytest.approx(1)
    assert sum(found[n] for n in features) == pytest.approx(1)
    assert all(share >= 0 for share in found.values())
    assert importance(bundle) == found


def test_only_what_is_read_counts(bundle):
    reads_amount = dataclasses.replace(bundle, scorer=Reads(bundle.transform.names.index("log_amount")))
    found = importance(reads_amount)
    assert {name for name, share in found.items() if share} == {"GrAppv", "log_amount"}
    assert found["GrAppv"] == found["log_amount"] == 1


def test_a_model_that_reads_nothing_has_no_importance(bundle):
    assert set(importance(dataclasses.replace(bundle, scorer=Reads(None))).values()) == {0.0}

import numpy as np
import pytest

from components.core.contracts import Columns
from components.judgement.explanations.shift import compare, shift
from components.training.bundle import Bundle
from tests.judgement.explanations.made import explained


def _shift(new, old, reasons=None, weights=None):
    n = len(new)
    return shift(new, old, reasons or {}, np.ones(n) if weights is None else weights, 100, 7)


@pytest.fixture(scope="module")
def phi() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(200, 4)) * [4, 3, 2, 1]


def test_a_model_beside_itself_has_not_moved(phi: np.ndarray) -> None:
    found = _shift(explained(phi), explained(phi))
    assert found.rank_correlation.value == pytest.approx(1)
    for estimate in (found.sign_flips, found.moved, found.unexplained, found.largest_share):
        assert (estimate.value, estimate.low, estimate.high) == (0, 0, 0)


def test_what_is_turned_round_has_moved_altogether(phi: np.ndarray) -> None:
    found = _shift(explained(-phi), explained(phi))
    assert found.moved.value == pytest.approx(1)
    assert found.sign_flips.value == 1
    # Importance alone would have seen nothing.
    assert found.rank_correlation.value == pytest.approx(1)
    assert found.largest_share.value == 0


def test_parts_of_features_add_up_and_reasons_excuse_theirs(phi: np.ndarray) -> None:
    other = phi + np.random.default_rng(2).normal(size=phi.shape) * [1, 0, 0, 0.5]
    found = _shift(explained(other), explained(phi), {"a": "its values moved"})
    assert found.moved_by_feature.sum() == pytest.approx(found.moved.value)
    assert found.moved_by_feature[1:3].tolist() == [0, 0]
    assert found.unexplained.value == pytest.approx(found.moved_by_feature[3])
    assert 0 < found.unexplained.value < found.moved.value


def test_features_that_are_new_or_gone_are_named_and_excused() -> None:
    rng = np.random.default_rng(1)
    base = rng.normal(size=(200, 2))
    new = explained(base, features=("a", "b"))
    old = explained(base, features=("a", "c"))
    found = _shift(new, old)
    assert found.features == ("a", "b", "c")
    assert dict(found.reasons) == {"b": "new", "c": "gone"}
    assert found.unexplained.value == 0
    assert found.moved.value > 0.4
    assert found.old_share[1] == found.new_share[2] == 0


def test_tiny_contributions_have_no_sign() -> None:
    old = explained(np.tile([[5.0, 0.05, -1.0]], (60, 1)))
    new = explained(np.tile([[5.0, -0.05, 1.0]], (60, 1)))
    assert _shift(new, old).sign_flips.value == pytest.approx(1 / 2)


def test_the_rows_that_moved_most_are_found(phi: np.ndarray) -> None:
    other = phi.copy()
    other[17, 0] += 30
    other[40, 3] -= 9
    found = _shift(explained(other), explained(phi))
    assert found.farthest(2) == [17, 40]
    assert found.rows[17] == pytest.approx(30)


def test_a_row_counts_by_its_weight(phi: np.ndarray) -> None:
    other = phi.copy()
    other[:100] *= -1
    heavy = _shift(explained(other), explained(phi), weights=np.repeat([9.0, 1.0], 100))
    assert heavy.sign_flips.value > 0.85


def test_few_rows_and_models_that_say_nothing_are_no_data(phi: np.ndarray) -> None:
    assert _shift(explained(phi[:10]), explained(phi[:10])).moved.value is None
    silent = explained(np.zeros((60, 2)))
    found = _shift(silent, silent)
    assert [found.moved.value, found.sign_flips.value, found.rank_correlation.value] == [None, None, None]


def test_two_bundles_are_compared_on_the_same_rows(trees: Bundle, linear: Bundle, rows: Columns) -> None:
    background = {name: values[:30] for name, values in rows.items()}
    same = compare(trees, trees, rows, background, np.ones(120), 50, 7)
    assert same.moved.value == 0
    other = compare(linear, trees, rows, background, np.ones(120), 50, 7)
    assert other.moved.low > 0.2
    assert other.features == trees.contract.features
    # The change of a row's contributions is the change of its score, less that of the base value.
    p, q = (bundle.probability(rows) for bundle in (linear, trees))
    net = other.change.sum(axis=1) - (np.log(p / (1 - p)) - np.log(q / (1 - q)))
    assert net == pytest.approx(np.full(120, net[0]), abs=1e-4)

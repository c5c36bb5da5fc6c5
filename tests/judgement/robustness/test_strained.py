import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from components.judgement.robustness.strained import Yardstick

RNG = np.random.default_rng(4)
LABELS = (RNG.random(600) < 0.3).astype(np.float64)
CLEAN = np.clip(0.3 * LABELS + 0.7 * RNG.random(600), 0, 1)
WORSE = np.clip(CLEAN + RNG.normal(0, 0.3, 600), 0, 1)


def yardstick(labels: np.ndarray = LABELS, clean: np.ndarray = CLEAN) -> Yardstick:
    return Yardstick(labels, np.ones(len(labels)), clean, 0.5, 200, 7)


def test_values_are_those_of_scikit_learn() -> None:
    strain = yardstick().strain(WORSE)
    clean, stressed = roc_auc_score(LABELS, CLEAN), roc_auc_score(LABELS, WORSE)
    assert yardstick().clean_auc().value == pytest.approx(clean)
    assert strain.auc.value == pytest.approx(stressed)
    assert strain.drop.value == pytest.approx(clean - stressed)
    assert strain.flipped.value == ((CLEAN >= 0.5) != (WORSE >= 0.5)).mean()


def test_a_drop_is_told_closer_than_either_auc() -> None:
    strain = yardstick().strain(np.clip(CLEAN + RNG.normal(0, 0.05, 600), 0, 1))
    assert strain.drop.high - strain.drop.low < 0.5 * (strain.auc.high - strain.auc.low)  # type: ignore[operator]


def test_no_stress_drops_nothing() -> None:
    strain = yardstick().strain(CLEAN)
    assert (strain.drop.value, strain.drop.low, strain.drop.high) == (0, 0, 0)
    assert strain.flipped.value == 0


@pytest.mark.parametrize("labels", [np.zeros(600), np.ones(600), (np.arange(600) < 9).astype(np.float64)])
def test_with_one_outcome_there_is_no_auc_but_decisions_are_counted(labels: np.ndarray) -> None:
    held = yardstick(labels)
    strain = held.strain(WORSE)
    assert (strain.auc.value, strain.drop.value, held.clean_auc().value) == (None, None, None)
    assert strain.flipped.value == ((CLEAN >= 0.5) != (WORSE >= 0.5)).mean()
    assert "needs 50 rows, 10 of each outcome" in held.lacking


def test_enough_rows_lack_nothing() -> None:
    assert yardstick().lacking == ""

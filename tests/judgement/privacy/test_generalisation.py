"""The gap between training rows and others, of models that remember and of one that does not."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from components.judgement.privacy.generalisation import area_gap, gap_beyond_split, loss_gap
from components.judgement.subject import Subject


def test_the_gaps_are_differences_of_the_usual_metrics(memorising: Subject) -> None:
    train, test = memorising.train, memorising.test
    of_loss, of_area = loss_gap(train, test), area_gap(train, test)
    losses = [log_loss(p.labels, np.clip(p.probability, 1e-6, 1 - 1e-6)) for p in (test, train)]
    assert of_loss.value == pytest.approx(losses[0] - losses[1])
    areas = [roc_auc_score(p.labels, p.probability) for p in (train, test)]
    assert of_area.value == pytest.approx(areas[0] - areas[1])
    assert (of_area.low or 0) > 0.15
    assert of_loss.n == len(train) + len(test)


def test_a_careful_model_has_a_small_gap(careful: Subject) -> None:
    found = area_gap(careful.train, careful.test)
    assert found.low is not None
    assert found.low < 0.05


def test_with_one_outcome_there_is_no_area(careful: Subject) -> None:
    alone = replace(careful.test, labels=np.zeros(len(careful.test)))
    assert area_gap(careful.train, alone).value is None


def test_what_rows_differ_by_themselves_is_taken_out() -> None:
    rng = np.random.default_rng(1)
    members = np.arange(400) < 200
    hard = np.where(members, 0.2, 0.9)
    same = gap_beyond_split(hard + 0.01 * rng.random(400), hard + 0.01 * rng.random(400), members)
    assert same.value == pytest.approx(0, abs=0.01)
    remembered = gap_beyond_split(hard - np.where(members, 0.1, 0.0), hard, members)
    assert remembered.value == pytest.approx(0.1)

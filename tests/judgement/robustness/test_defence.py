from dataclasses import replace

import numpy as np
import pytest

from components.judgement.robustness.check import find_aim
from components.judgement.robustness.defence import (
    BY_LEVERS,
    CONFIGURED,
    FREE,
    Defence,
    compare_defences,
    lever_directions,
)
from components.judgement.row_rules import RowRules
from components.judgement.subject import Subject
from tests.judgement.robustness.conftest import with_settings


@pytest.fixture(scope="module")
def compared(good: Subject) -> dict[str, Defence]:
    subject = with_settings(good, rows=150, queries=100)
    fields = good.bundle.contract.inputs
    aim, _ = find_aim(subject, RowRules([], fields))
    assert aim is not None
    return compare_defences(subject.use_case, subject.dataset, aim, fields)


def test_directions_follow_from_the_levers(good: Subject) -> None:
    aim, _ = find_aim(good, RowRules([], good.bundle.contract.inputs))
    assert aim is not None
    transform = good.bundle.transform
    names = transform.names
    configured = [1 if name == "delay_aug" else 0 for name in names]
    found = dict(zip(names, lever_directions(transform, aim, good.train.columns, configured), strict=True))
    assert {name: way for name, way in found.items() if way} == {
        "delay_aug": 1,
        "delay_sep": 1,
        "worst_delay": 1,
        "months_late": 1,
        "utilisation_sep": 1,
        "mean_utilisation": 1,
        "bill_growth": 1,
        "log_paid_sep": -1,
        "repaid_sep": -1,
        "repaid_in_all": -1,
    }
    either_way = replace(aim, levers=tuple(replace(lever, direction=0) for lever in aim.levers))
    assert not any(lever_directions(transform, either_way, good.train.columns, (0,) * len(names)))


def test_constraints_on_the_levers_punish_nobody_for_moving_the_right_way(compared: dict[str, Defence]) -> None:
    assert compared[BY_LEVERS].reverse.value == 0
    assert compared[FREE].reverse.value is not None
    assert compared[FREE].reverse.value > 0
    assert compared[FREE].reverse_less.value == 0


def test_they_cost_little_here(compared: dict[str, Defence]) -> None:
    lost = compared[BY_LEVERS].auc_lost
    assert lost.value is not None
    assert abs(lost.value) < 0.02
    assert [compared[name].constrained for name in (FREE, CONFIGURED, BY_LEVERS)] == [0, 4, 10]
    assert all(np.isfinite(d.auc.value or np.nan) for d in compared.values())

import numpy as np

from components.core.judging import Fairness
from components.judgement.fairness.calibration import NAME, figures
from components.judgement.fairness.comparison import compare
from components.judgement.fairness.groups import Grouping
from components.judgement.fairness.metrics import Rows


def test_a_group_that_is_thought_riskier_than_it_is_has_the_larger_error(card):
    rng = np.random.default_rng(2)
    risk = rng.beta(2, 6, 3000)
    codes = np.r_[np.arange(2900) % 2, np.full(100, 2)]
    thought = np.clip(risk + 0.15 * (codes == 1), 0, 1)
    rows = Rows((rng.random(3000) < risk).astype(float), (thought > 0.3).astype(float), thought, np.ones(3000))
    groups = Grouping("g", ("g=a", "g=b", "g=few"), codes)
    few = Fairness(minimum_of_outcome=60)
    found = {f.of: f for f in figures(rows, [compare(rows, groups, few)], card.training, 0.3)}
    assert set(found) == set(groups.names)
    assert {f.name for f in found.values()} == {NAME}
    assert found["g=a"].estimate.high < found["g=b"].estimate.low
    assert found["g=few"].estimate.value is None
    assert found["g=few"].reason.endswith("rows with a bad outcome, needs 60")


def test_fewer_rows_than_any_metric_takes_are_no_data_however_few_the_use_case_asks_for(card):
    rows = Rows(np.tile([0.0, 1.0], 20), np.tile([0.0, 1.0], 20), np.tile([0.2, 0.6], 20), np.ones(40))
    groups = Grouping("g", ("g=a",), np.zeros(40, dtype=np.intp))
    few = Fairness(minimum_rows=10, minimum_of_outcome=5)
    (found,) = figures(rows, [compare(rows, groups, few)], card.training, 0.3)
    assert (found.estimate.value, found.reason) == (None, "not enough data: 40 rows")

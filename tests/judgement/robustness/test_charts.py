from components.core.contracts import Estimate
from components.judgement.robustness.charts import auc_under_noise, success_curve

ESTIMATES = [Estimate(value=0.1, low=0.05, high=0.2, n=40), Estimate(value=0.4, low=0.3, high=0.5, n=40)]


def test_charts_stand_by_themselves_and_are_the_same_twice() -> None:
    drawn = success_curve([0.05, 0.1], ESTIMATES, 0.1)
    assert drawn.startswith("<svg")
    assert "attacks that succeed" in drawn
    assert drawn == success_curve([0.05, 0.1], ESTIMATES, 0.1)


def test_an_estimate_without_an_interval_is_a_point() -> None:
    assert "AUC" in auc_under_noise([0.0, 0.1], [Estimate(value=0.8, n=9), Estimate(value=0.7, n=9)])

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from components.core.use_case import Training
from components.judgement.fairness.groups import Grouping
from components.judgement.mitigation.measure import Decided, Yardstick, measure

COSTS = Training(cost_false_negative=3, cost_false_positive=1, bootstrap_rounds=300)


def drawn(n=3000, seed=0, shift=0.8, criterion="demographic_parity"):
    rng = np.random.default_rng(seed)
    codes = rng.choice(3, n, p=[0.5, 0.4, 0.1])
    p = 1 / (1 + np.exp(-(rng.normal(size=n) - 1 + shift * (codes == 1))))
    y = (rng.random(n) < p).astype(np.float64)
    groups = Grouping("g", ("g=a", "g=b", "g=c"), codes.astype(np.intp))
    return p, Yardstick(y, np.ones(n), groups, np.array([0, 1]), criterion, (0, 1))


def test_figures_are_those_of_scikit_learn_and_of_plain_counting():
    p, test = drawn(criterion="equal_opportunity")
    flagged = (p >= 0.4).astype(float)
    found = measure([Decided(p, flagged)], test, COSTS)[0]
    value = {name: e.value for name, e in found.figures.items()}
    good = test.labels == 0
    rates = [1 - flagged[good & (test.groups.codes == g)].mean() for g in range(3)]
    assert value["auc"] == pytest.approx(roc_auc_score(test.labels, p))
    assert value["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(test.labels, flagged))
    assert value["cost"] == pytest.approx(np.mean(np.where(good, flagged, 3 * (1 - flagged))))
    assert value["selection_rate"] == pytest.approx(1 - flagged.mean())
    assert value["gap"] == pytest.approx(abs(rates[0] - rates[1]))
    assert found.rates.tolist() == pytest.approx(rates)
    assert found.figures["gap"].n == int((good & (test.groups.codes < 2)).sum())
    for estimate in found.figures.values():
        assert estimate.low <= estimate.value <= estimate.high


def test_against_itself_nothing_changes_and_nothing_is_halved():
    p, test = drawn()
    way = Decided(p, (p >= 0.4).astype(float))
    found = measure([way, way], test, COSTS)[1]
    assert {(e.value, e.low, e.high) for e in found.change.values()} == {(0.0, 0.0, 0.0)}
    assert found.beyond_half.low > 0


def test_pairing_takes_out_what_the_rows_share():
    p, test = drawn()
    base = Decided(p, (p >= 0.4).astype(float))
    codes = test.groups.codes
    evened = Decided(p - 0.1 * (codes == 1), (p >= np.where(codes == 1, 0.5, 0.4)).astype(float))
    found = measure([base, evened], test, COSTS)[1]
    alone, paired = found.figures["auc"], found.change["auc"]
    assert paired.high - paired.low < 0.5 * (alone.high - alone.low)
    assert found.change["gap"].high < 0


@pytest.mark.parametrize("shift", [0.0, 0.8])
def test_intervals_of_the_gap_hold_the_truth_as_often_as_they_say(shift):
    """Of 200 draws from a world whose gap is known, 182 intervals at least hold it; 190 are promised."""
    p, test = drawn(400_000, 99, shift)
    flagged = p >= 0.4
    truth = 0.0 if shift == 0 else abs(np.diff([1 - flagged[test.groups.codes == g].mean() for g in (0, 1)])[0])
    one = Training(cost_false_negative=3, cost_false_positive=1, bootstrap_rounds=1)
    held = 0
    for seed in range(200):
        p, test = drawn(600, seed, shift)
        gap = measure([Decided(p, (p >= 0.4).astype(float))], test, one)[0].figures["gap"]
        held += gap.low <= truth <= gap.high
    assert held >= 182


def test_a_gap_that_was_never_halved_is_seldom_said_to_be():
    """The false alarm of ``beyond_half``: with a gap cut to exactly half, its interval is below 0 in 2.5 % of draws."""
    few = Training(cost_false_negative=3, cost_false_positive=1, bootstrap_rounds=100)
    p, test = drawn(400_000, 99)
    rate = [1 - (p >= 0.4)[test.groups.codes == g].mean() for g in (0, 1)]
    other = float(np.quantile(p[test.groups.codes == 1], rate[1] + (rate[0] - rate[1]) / 2))
    wrong = 0
    for seed in range(100):
        p, test = drawn(600, seed)
        base = Decided(p, (p >= 0.4).astype(float))
        edge = np.where(test.groups.codes == 1, other, 0.4)
        wrong += measure([base, Decided(p, (p >= edge).astype(float))], test, few)[1].beyond_half.high < 0
    assert wrong <= 8


def test_weights_count_as_so_many_rows():
    p, test = drawn(500)
    way = Decided(p, (p >= 0.4).astype(float))
    twice = Yardstick(test.labels, np.full(500, 2.0), test.groups, test.compared, test.criterion, test.apart)
    ones, twos = (measure([way], t, COSTS)[0].figures for t in (test, twice))
    assert {k: v.value for k, v in ones.items()} == pytest.approx({k: v.value for k, v in twos.items()})


def test_one_outcome_alone_gives_no_auc_and_no_false_number():
    p, test = drawn(300)
    bare = Yardstick(np.zeros(300), test.weights, test.groups, test.compared, test.criterion, test.apart)
    found = measure([Decided(p, (p >= 0.4).astype(float))], bare, COSTS)[0]
    assert found.figures["auc"].value is None
    assert found.figures["balanced_accuracy"].value is None
    assert found.figures["gap"].value is not None

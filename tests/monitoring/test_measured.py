import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.monitoring.measured import METRICS, measured, promised
from components.training.metrics import weighted_metrics


def by_definition(p, labels, weights=None):
    told = weighted_metrics(p, labels, np.ones((1, len(p))) if weights is None else weights[None, :], 0.5, 1, 1)
    return {name: float(told[name][0]) for name in METRICS}


def values(told):
    return {name: estimate.value for name, estimate in told.items()}


def draw(rng, n, middle=-2.0):
    return 1 / (1 + np.exp(-rng.normal(middle, 1.0, n)))


@given(
    st.lists(
        st.tuples(st.sampled_from([0.01, 0.1, 0.2, 0.5, 0.51, 0.9]), st.booleans()), min_size=4, max_size=60
    ).filter(lambda rows: 2 <= sum(bad for _, bad in rows) <= len(rows) - 2)
)
def test_values_are_those_of_the_metrics_and_lie_in_their_intervals(rows):
    p, labels = np.array([p for p, _ in rows]), np.array([float(bad) for _, bad in rows])
    told = measured(p, labels, METRICS)
    assert values(told) == pytest.approx(by_definition(p, labels))
    for estimate in told.values():
        assert estimate.low is None or estimate.low <= estimate.value + 1e-12
        assert estimate.high is None or estimate.high >= estimate.value - 1e-12


def test_a_bad_row_that_stands_for_several_leaves_so_many_fewer_good_ones():
    rng = np.random.default_rng(0)
    p = draw(rng, 500)
    bad = 3.0 * (rng.random(500) < p / 3)
    told = values(measured(p, bad, METRICS))
    # The same rows as whole ones: each bad with its weight, and each good with what is left of it, below 0 for some.
    both = by_definition(np.tile(p, 2), np.repeat([1.0, 0.0], 500), np.concatenate([bad, 1 - bad]))
    for name in ("log_loss", "brier", "auc"):
        assert told[name] == pytest.approx(both[name])


def test_that_cohorts_part_from_each_other_is_part_of_the_interval():
    p, bad = np.repeat([0.2, 0.4], 200), np.tile([2.0, *[0.0] * 9], 40)
    narrow, wide = (measured(p, bad, METRICS, spread) for spread in (0.0, 0.3))
    t = 2.02269  # of 39 degrees of freedom
    halves = [np.log(told["brier"].high / told["brier"].value) / t for told in (narrow, wide)]
    # A tenth of the rows is known to be bad, and that is half of them: 20 % are, give or take three tenths of it.
    error = 0.2 * 0.3 * ((1 - 2 * 0.2) + (1 - 2 * 0.4)) / 2
    assert np.sqrt(halves[1] ** 2 - halves[0] ** 2) * narrow["brier"].value == pytest.approx(error, rel=1e-4)
    assert values(narrow) == values(wide)
    assert wide["calibration_error"].high > narrow["calibration_error"].high


def test_the_interval_of_the_area_is_delongs():
    rng = np.random.default_rng(1)
    p = np.round(draw(rng, 400), 2)  # with ties
    labels = (rng.random(400) < p).astype(float)
    bad, good = p[labels == 1], p[labels == 0]
    wins = (bad[:, None] > good) + 0.5 * (bad[:, None] == good)
    error = np.sqrt(wins.mean(axis=1).var(ddof=1) / len(bad) + wins.mean(axis=0).var(ddof=1) / len(good))
    told = measured(p, labels, ["auc"])["auc"]
    logit = np.log(told.high / (1 - told.high)) - np.log(told.low / (1 - told.low))
    t = 2.0  # Student's with some 50 degrees of freedom
    assert told.value == pytest.approx(wins.mean())
    assert logit / 2 / t * told.value * (1 - told.value) == pytest.approx(error, rel=0.02)


@pytest.mark.parametrize(
    ("rise", "known", "spread"),
    [
        pytest.param(0.0, 1.0, 0.0, id="labels known, calibrated"),
        pytest.param(0.8, 1.0, 0.0, id="labels known, not calibrated"),
        pytest.param(0.0, 0.3, 0.0, id="three of ten bad ones known"),
        pytest.param(0.5, 0.3, 0.2, id="about three of ten bad ones known"),
    ],
)
def test_intervals_hold_the_truth_as_often_as_they_say(rise, known, spread):
    rng = np.random.default_rng(2)

    def rows(n):
        p = draw(rng, n)
        return p, (rng.random(n) < 1 / (1 + np.exp(-np.log(p / (1 - p)) - rise))).astype(float)

    truth = by_definition(*rows(1_000_000))
    inside = dict.fromkeys(METRICS, 0)
    for _ in range(200):
        p, labels = rows(800)
        share = known * np.clip(1 + spread * np.sqrt((1 - known) / known) * rng.standard_normal(), 0.1, 3.0)
        told = measured(p, labels * (rng.random(800) < share) / known, METRICS, spread)
        for name, estimate in told.items():
            inside[name] += estimate.low <= truth[name] <= estimate.high
    # 190 of 200 on average; 182 and less come by chance once in a hundred times.
    assert min(inside[name] for name in ("log_loss", "brier", "auc")) > 180
    assert inside["calibration_error"] > 160  # a sum of distances, near 0 in some bins, is never quite normal


def test_what_is_promised_comes_true_as_often_as_it_says():
    rng = np.random.default_rng(3)
    inside = dict.fromkeys(("log_loss", "brier", "auc"), 0)
    for _ in range(200):
        p = draw(rng, 500)
        labels = (rng.random(500) < p).astype(float)
        told, true = promised(p, METRICS), by_definition(p, labels)
        assert set(told) == set(inside)
        for name in inside:
            inside[name] += told[name].low <= true[name] <= told[name].high
    assert all(180 < n <= 199 for n in inside.values())


def test_a_perfect_order_has_no_interval_and_no_chance_has_no_order():
    p = np.repeat([0.1, 0.9], 50)
    told = measured(p, np.repeat([0.0, 1.0], 50), ["auc"])["auc"]
    assert (told.value, told.low, told.high, told.n) == (1.0, None, None, 100)
    never = promised(np.zeros(100), METRICS)
    assert "auc" not in never
    assert never["brier"].high == 0


def test_another_metric_is_refused():
    with pytest.raises(FairleadError, match="unknown metric 'lift'; allowed: log_loss, brier, auc, calibration_error"):
        measured(np.array([0.1, 0.2]), np.array([0.0, 1.0]), ["lift"])

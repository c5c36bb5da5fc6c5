import numpy as np
import pytest
from scipy.stats import pearsonr

from components.core.judging import Fairness
from components.judgement.fairness.comparison import compare
from components.judgement.fairness.groups import Grouping
from components.judgement.fairness.metrics import Rows
from components.judgement.fairness.proxies import correlation, figures, find_proxy

NAMES = ("sex=male", "sex=female")


def drawn(n: int, seed: int, told: float):
    """Features, the second of which tells the group with a strength, and the groups."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, n)
    x = rng.normal(size=(n, 3))
    x[:, 1] += told * codes
    x[rng.random(n) < 0.1, 0] = np.nan
    return x.astype(np.float32), Grouping("sex", NAMES, codes)


def test_what_stands_in_for_an_attribute_is_found_and_named():
    proxy = find_proxy(drawn(3000, 1, 2.0), drawn(1500, 2, 2.0), ("a", "b", "c"), 100, 7)
    # Two normal distributions two standard deviations apart: nobody can tell them better than this.
    assert proxy.auc["sex=female"].low < 0.9214 < proxy.auc["sex=female"].high + 0.02
    assert proxy.best == proxy.auc["sex=female"] == proxy.auc["sex=male"]
    first = proxy.carriers[0]
    assert (first.feature, first.lost > 0.3, first.alone > 0.9) == ("b", True, True)
    assert all(abs(c.lost) < 0.03 for c in proxy.carriers[1:])


def test_what_tells_nothing_is_not_taken_for_a_proxy():
    found = [
        find_proxy(drawn(1000, 2 * s, 0.0), drawn(1000, 2 * s + 1, 0.0), ("a", "b", "c"), 100, s).best for s in range(8)
    ]
    assert sum(e.low > 0.5 for e in found) <= 1
    assert all(abs(e.value - 0.5) < 0.06 for e in found)


def test_the_same_rows_and_seed_give_the_same():
    made = [find_proxy(drawn(12_000, 1, 0.5), drawn(500, 2, 0.5), ("a", "b", "c"), 100, 7) for _ in range(2)]
    assert made[0] == made[1]


def test_groups_that_are_too_small_on_either_side_have_no_data():
    x, _ = drawn(600, 1, 0.0)
    three = ("g=a", "g=b", "g=few")
    learn = Grouping("g", three, np.array([0] * 300 + [1] * 250 + [2] * 50))
    test = Grouping("g", three, np.array([0] * 200 + [1] * 200 + [2] * 200))
    proxy = find_proxy((x, learn), (x, test), ("a", "b", "c"), 100, 7)
    assert proxy.auc["g=few"].value is None
    assert proxy.auc["g=few"].n == 200
    assert proxy.auc["g=a"].n == 400
    alone = find_proxy((x, learn), (x, test), ("a", "b", "c"), 260, 7)
    assert (alone.best.value, alone.carriers) == (None, ())


def test_a_group_that_training_does_not_know_has_no_data():
    x, _ = drawn(400, 1, 0.0)
    learn = Grouping("g", ("g=a", "g=b"), np.arange(400) % 2)
    test = Grouping("g", ("g=a", "g=b", "g=missing"), np.arange(400) % 3)
    assert find_proxy((x, learn), (x, test), ("a", "b", "c"), 100, 7).auc["g=missing"].value is None


def test_the_correlation_is_that_of_scipy():
    rng = np.random.default_rng(1)
    score, member = rng.random(200), rng.random(200) < 0.3
    theirs = pearsonr(score, member.astype(float))
    ends = theirs.confidence_interval(0.95)
    found = correlation(score, member)
    assert (found.value, found.low, found.high) == pytest.approx((theirs.statistic, ends.low, ends.high), abs=1e-9)


@pytest.mark.parametrize("member", [np.zeros(50, bool), np.ones(50, bool)])
def test_one_group_or_one_score_for_all_has_no_correlation(member):
    assert correlation(np.random.default_rng(1).random(50), member).value is None
    assert correlation(np.full(50, 0.3), np.arange(50) < 20).value is None
    assert correlation(np.arange(3.0), np.arange(3) < 1).value is None


def test_every_group_gets_its_figures_and_reasons():
    rng = np.random.default_rng(3)
    test = Grouping("sex", (*NAMES, "sex=missing"), np.r_[np.arange(400) % 2, np.full(9, 2)])
    p = rng.random(409)
    rows = Rows((rng.random(409) < p).astype(float), (p > 0.5).astype(float), p, np.ones(409))
    x, learn = drawn(500, 1, 0.0)
    proxy = find_proxy((x, learn), (rng.normal(size=(409, 3)), test), ("a", "b", "c"), 100, 7)
    found = {(f.name, f.of): f for f in figures({"sex": proxy}, [compare(rows, test, Fairness())], p)}
    assert {of for name, of in found if name == "proxy_auc"} == {"sex", *test.names}
    assert {of for name, of in found if name == "score_correlation"} == set(test.names)
    assert all((f.estimate.value is None) == bool(f.reason) for f in found.values())
    assert found["proxy_auc", "sex=missing"].estimate.value is None
    assert found["score_correlation", "sex=missing"].reason == "not enough data: 9 rows, needs 100"

"""Comparisons of ways: paired, with intervals that hold what they promise where loans of a month share their fate."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from components.core.contracts import FloatArray
from components.core.errors import FairleadError
from components.training.metrics import weighted_metrics
from pipelines.replay import compared as module
from pipelines.replay.compared import RUN, compared, losses, plain, served
from pipelines.replay.values import Compared

MONTHS, EACH = 60, 40
"""Months of a simulated history, and loans of each."""


def days(months: int = MONTHS, each: int = EACH) -> list[date]:
    return [date(2004 + m // 12, m % 12 + 1, 1) for m in range(months) for _ in range(each)]


def two(ours: FloatArray, theirs: FloatArray, when: list[date]) -> Compared:
    return compared({"frozen": theirs, "fairlead": ours}, when)[1]


def history(rng: np.random.Generator, effects: FloatArray, gap: float) -> tuple[FloatArray, FloatArray]:
    """Losses of two ways: loans of very different losses, which the ways share, and months that favour one of them."""
    shared = rng.exponential(1.0, len(effects) * EACH)
    theirs = shared + gap + np.repeat(effects, EACH) + rng.normal(0, 0.2, len(shared))
    return shared, theirs


def test_the_loss_is_that_of_the_metrics() -> None:
    rng = np.random.default_rng(1)
    p, y = rng.uniform(size=500), (rng.uniform(size=500) < 0.3).astype(float)
    expected = weighted_metrics(p, y, np.ones((1, 500)), 0.5, 1, 1)["log_loss"][0]
    assert losses(p, y).mean() == pytest.approx(expected, rel=1e-12)
    assert np.isfinite(losses(np.array([0.0, 1.0]), np.array([1.0, 0.0]))).all()


def test_the_loop_against_itself_is_nothing() -> None:
    ours = np.random.default_rng(2).exponential(size=MONTHS * EACH)
    found = compared({"frozen": ours.copy(), "fairlead": ours}, days())
    assert [c.way for c in found] == ["fairlead", "frozen"]
    for c in found:
        assert (c.better_by.value, c.better_by.low, c.better_by.high) == (0.0, 0.0, 0.0)
        assert (c.better_by_runs.low, c.better_by_runs.high) == (0.0, 0.0)
        assert c.loss.value == pytest.approx(ours.mean())
        assert c.better_by.n == len(ours)


def test_a_loan_is_compared_with_itself() -> None:
    """Pairing takes away what the ways share: the same numbers in another order have an interval many times as wide."""
    rng = np.random.default_rng(3)
    ours, theirs = history(rng, np.zeros(MONTHS), 0.1)
    paired = two(ours, theirs, days()).better_by
    within = np.concatenate([rng.permutation(part) for part in np.split(theirs, MONTHS)])
    apart = two(ours, within, days()).better_by
    assert paired.value == pytest.approx((theirs - ours).mean())
    assert apart.value == pytest.approx(paired.value)
    across = two(ours, rng.permutation(theirs), days()).better_by
    assert (across.high or 0) - (across.low or 0) > 3 * ((paired.high or 0) - (paired.low or 0))


def test_the_order_of_loans_and_unequal_months_change_nothing() -> None:
    rng = np.random.default_rng(4)
    when = [day for day in days(24, 1) for _ in range(rng.integers(1, 60))]
    ours, theirs = rng.exponential(size=(2, len(when)))
    order = rng.permutation(len(when))
    one, other = two(ours, theirs, when), two(ours[order], theirs[order], [when[i] for i in order])
    for name in ("better_by", "better_by_runs", "loss"):
        for end in ("value", "low", "high"):
            assert getattr(getattr(one, name), end) == pytest.approx(getattr(getattr(other, name), end))


def covered(effects: list[FloatArray], gap: float) -> tuple[float, float, float]:
    """Share of the histories whose interval holds the truth: by months, by runs, and loan by loan."""
    rng, when, hits = np.random.default_rng(5), days(len(effects[0])), np.zeros(3)
    for effect in effects:
        ours, theirs = history(rng, effect, gap)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "ROUNDS", 500)
            found = two(ours, theirs, when)
        for i, estimate in enumerate((found.better_by, found.better_by_runs, plain(theirs - ours))):
            hits[i] += (estimate.low or 0) <= gap <= (estimate.high or 0)
    return tuple(hits / len(effects))


def test_the_interval_by_months_covers_where_months_have_their_own_fate() -> None:
    rng = np.random.default_rng(6)
    by_months, _, by_loans = covered(list(rng.normal(0, 0.3, (80, MONTHS))), gap=0.1)
    assert 0.88 <= by_months <= 0.99
    assert by_loans < 0.4


def test_the_interval_by_runs_covers_better_where_a_fate_lasts() -> None:
    """With months that resemble those before them by 0.9, single months promise far too much, and runs less so."""
    rng = np.random.default_rng(7)
    shocks = rng.normal(0, 0.3 * (1 - 0.9**2) ** 0.5, (60, 220))
    effects = np.zeros_like(shocks)
    for i in range(1, shocks.shape[1]):
        effects[:, i] = 0.9 * effects[:, i - 1] + shocks[:, i]
    by_months, by_runs, by_loans = covered(list(effects[:, -108:]), gap=0.1)
    assert by_loans < by_months < 0.6
    assert by_runs > by_months + 0.15
    assert RUN == 12


@pytest.mark.parametrize("bad", [np.array([np.nan, 1.0]), np.array([]), np.array([np.inf, 1.0])])
def test_what_is_no_number_is_refused(bad: FloatArray) -> None:
    with pytest.raises(FairleadError, match=r"way yearly: \d of \d losses are no numbers"):
        compared({"fairlead": np.ones(2), "yearly": bad}, days(2, 1))


def test_a_plain_mean_needs_two() -> None:
    assert plain(np.array([1.0])).value is None
    found = plain(np.random.default_rng(8).normal(2.0, 1.0, 400))
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 / 20, rel=0.1)


def test_the_answer_that_counts_is_the_one_that_is_watched() -> None:
    """As in ``Joined``: no shadow's, the stable one's before another's, and of one variant the earliest."""
    at = datetime(2004, 1, 1, tzinfo=UTC)
    rows = [
        ("a", 0, "1", "shadow", 0, 0.1),
        ("a", 0, "2", "candidate", 1, 0.2),
        ("a", 0, "1", "stable", 2, 0.3),
        ("a", 0, "1", "stable", 3, 0.4),
        ("a", 1, "2", "candidate", 5, 0.6),
        ("a", 1, "2", "candidate", 4, 0.5),
        ("b", 0, "1", "stable", 0, 0.7),
    ]
    log = pl.DataFrame(
        [(i, row, v, variant, at + timedelta(seconds=s), p) for i, row, v, variant, s, p in rows],
        ["request_id", "row", "version", "variant", "at", "probability"],
        orient="row",
    )
    sent = pl.DataFrame({"row_id": ["y", "x", "z"], "request_id": ["a", "a", "c"], "row": [1, 0, 0]})
    assert served(log, sent).rows() == [("y", 0.5, "2"), ("x", 0.3, "1")]

import numpy as np
import pytest

from components.core.contracts import Field
from components.core.row_rule import Rule
from components.judgement.robustness.stress import SLIP, Ordinary, gappy, learn_ordinary, noisy, slipped
from components.judgement.row_rules import RowRules

FIELDS = (
    Field(name="paid", kind="float", minimum=0, maximum=5_000),
    Field(name="late", kind="int", minimum=0, maximum=9),
    Field(name="rate", kind="float", nullable=True),
    Field(name="form", kind="category", nullable=True),
    Field(name="asked", kind="date", nullable=True),
    Field(name="never", kind="float", nullable=True),
)
N = 4_000


def rows(seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "paid": rng.integers(0, 1_001, N).astype(np.float64),
        "late": rng.integers(0, 10, N).astype(np.float64),
        "rate": np.where(rng.random(N) < 0.1, np.nan, rng.random(N)),
        "form": rng.choice(np.array(["a", "b"], dtype=object), N),
        "asked": np.datetime64("2005-01-01") + rng.integers(0, 100, N),
        "never": np.full(N, np.nan),
    }


@pytest.fixture
def ordinary() -> Ordinary:
    return learn_ordinary(FIELDS, rows(), RowRules([], FIELDS))


def test_noise_is_as_large_as_it_says_and_keeps_to_the_contract(ordinary: Ordinary) -> None:
    clean = rows(2)
    stressed = noisy(clean, ordinary, 0.1, np.random.default_rng(3))
    inside = (clean["paid"] > 400) & (clean["paid"] < 600)
    assert np.std((stressed["paid"] - clean["paid"])[inside]) == pytest.approx(0.1 * 900, rel=0.1)
    assert stressed["paid"].min() == 0.0
    assert set(stressed["late"]) <= set(range(10))
    assert (stressed["paid"] == np.rint(stressed["paid"])).all()
    assert np.array_equal(np.isnan(stressed["rate"]), np.isnan(clean["rate"]))
    assert stressed["form"] is clean["form"]
    assert np.isnan(stressed["never"]).all()


def test_gaps_come_where_the_contract_allows_them_alone(ordinary: Ordinary) -> None:
    clean = rows(2)
    stressed = gappy(clean, ordinary, 0.2, np.random.default_rng(3))
    assert stressed["paid"] is clean["paid"]
    assert np.mean([v is None for v in stressed["form"]]) == pytest.approx(0.2, abs=0.03)
    assert np.isnat(stressed["asked"]).mean() == pytest.approx(0.2, abs=0.03)
    assert np.isnan(stressed["rate"]).mean() == pytest.approx(0.28, abs=0.03)


def test_where_none_may_be_missing_the_median_stands_in() -> None:
    whole = FIELDS[:2]
    clean = {name: rows(2)[name] for name in ("paid", "late")}
    stressed = gappy(clean, learn_ordinary(whole, rows(), RowRules([], whole)), 0.2, np.random.default_rng(3))
    changed = stressed["paid"] != clean["paid"]
    assert changed.mean() == pytest.approx(0.2, abs=0.03)
    assert set(stressed["paid"][changed]) == {float(np.median(rows()["paid"]))}


def test_a_slip_hits_one_number_of_each_row_and_is_cut_to_its_domain(ordinary: Ordinary) -> None:
    clean = rows(2)
    stressed, refused = slipped(clean, ordinary, np.random.default_rng(3))
    changed = np.stack([stressed[n] != clean[n] for n in ("paid", "late")])
    changed = np.vstack([changed, ~np.isnan(clean["rate"]) & (stressed["rate"] != clean["rate"])])
    assert changed.sum(axis=0).max() == 1
    assert stressed["paid"].max() == 5_000
    assert stressed["late"].max() == 9
    cut = (clean["paid"] * SLIP > 5_000) & (stressed["paid"] == 5_000) & (clean["paid"] < 5_000)
    assert refused[cut].all()
    # Nine months late is as late as can be: a slip of it is refused and cut to what it was.
    assert not refused[~changed.any(axis=0) & (clean["late"] < 9)].any()


def test_a_row_that_would_break_a_rule_stays_as_it_was() -> None:
    rules = RowRules([Rule(name="r", column="paid", expect="paid <= 1000")], FIELDS)
    clean = rows(2)
    stressed = noisy(clean, learn_ordinary(FIELDS, rows(), rules), 0.3, np.random.default_rng(3))
    assert stressed["paid"].max() <= 1_000
    kept = (stressed["paid"] == clean["paid"]) & (stressed["late"] == clean["late"])
    assert kept.mean() > 0.05
    assert rules.kept(stressed).all()


def test_without_numbers_nothing_slips() -> None:
    forms = FIELDS[3:4]
    clean = {"form": rows()["form"]}
    stressed, refused = slipped(clean, learn_ordinary(forms, clean, RowRules([], forms)), np.random.default_rng(3))
    assert stressed["form"] is clean["form"]
    assert not refused.any()

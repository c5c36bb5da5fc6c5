"""Statistics with noise: near the truth where the budget is large, within their intervals where it is not."""

import json
import math

import numpy as np
import polars as pl
import pytest

from components.core.errors import FairleadError
from components.data.private_noise import epsilon_of
from components.data.private_questions import Categories, Histogram, Mean, Quantile, Question, Rate, Rows
from components.data.private_statistics import PrivateReport, plan, release

N = 4000


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    rng = np.random.default_rng(8)
    sex = rng.choice(["f", "m"], N, p=[0.6, 0.4])
    return pl.DataFrame(
        {
            "sex": [None if i % 100 == 0 else s for i, s in enumerate(sex)],
            "age": [None if i % 50 == 0 else float(a) for i, a in enumerate(rng.integers(20, 80, N))],
            "bad": (rng.random(N) < np.where(sex == "f", 0.2, 0.3)).astype(float),
        }
    )


def asked() -> list[Question]:
    return [
        Rows(),
        Categories(column="sex", values=("f", "m", "x")),
        Histogram(column="age", edges=(20.0, 40.0, 60.0)),
        Mean(column="age", low=18.0, high=90.0),
        Quantile(column="age", level=0.5, candidates=tuple(float(a) for a in range(18, 91))),
        Rate(outcome="bad", column="sex", values=("f", "m", "x")),
    ]


def truth(people: pl.DataFrame) -> dict[str, float]:
    counted = {f"sex={s}": float((people["sex"] == s).sum()) for s in ("f", "m")}
    rates = {f"rate of bad where sex={s}": float(people.filter(pl.col("sex") == s)["bad"].mean()) for s in ("f", "m")}
    ages = people["age"].drop_nulls()
    return {
        "rows": float(N),
        **counted,
        "sex=x": 0.0,
        "sex=other or missing": float(people["sex"].null_count()),
        "20 <= age < 40": float(ages.is_between(20, 40, closed="left").sum()),
        "40 <= age < 60": float(ages.is_between(40, 60, closed="left").sum()),
        "age elsewhere or missing": float(N - ages.is_between(20, 60, closed="left").sum()),
        "mean age": float(ages.mean()),
        "median age": float(ages.median()),
        **rates,
    }


@pytest.mark.parametrize(("epsilon", "delta"), [(200.0, 0.0), (200.0, 1e-6)])
def test_with_hardly_any_noise_the_truth_is_told(people: pl.DataFrame, epsilon: float, delta: float) -> None:
    found = {s.name: s.value for s in release(people, asked(), epsilon, delta).statistics}
    assert found.pop("rate of bad where sex=x") is None
    expected = truth(people)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=0.01, abs=3), name


@pytest.mark.parametrize("delta", [0.0, 1e-6])
def test_the_truth_lies_within_the_intervals_as_often_as_they_say(people: pl.DataFrame, delta: float) -> None:
    expected = truth(people)
    held = told = 0
    for _ in range(12):
        for s in release(people, asked(), 1.0, delta).statistics:
            if s.value is not None and s.low is not None and s.high is not None:
                assert s.low <= s.value <= s.high
                held += s.low <= expected[s.name] <= s.high
                told += 1
    assert told > 100
    assert held / told > 0.85  # 95 % are promised; the noise cannot be seeded


def test_the_budget_is_split_named_and_kept(people: pl.DataFrame) -> None:
    pure = release(people, asked(), 0.6)
    assert pure.accountant == (
        "pure differential privacy, basic composition: the epsilons of 6 questions add up to 0.6"
    )
    assert pure.lost == pytest.approx(0.6, rel=1e-6)
    assert pure.lost <= 0.6 * (1 + 1e-12)
    assert {round(s.loss, 6) for s in pure.statistics} == {0.1}
    concentrated = release(people, asked(), 0.6, 1e-7)
    assert "zero-concentrated" in concentrated.accountant
    assert concentrated.measure == "rho"
    assert epsilon_of(concentrated.lost, 1e-7) == pytest.approx(0.6, rel=1e-4)
    assert epsilon_of(concentrated.lost, 1e-7) <= 0.6 * (1 + 1e-9)


def test_weights_split_the_budget() -> None:
    _, _, shares = plan([Rows(weight=3), Rows(weight=1)], 1.0, 0.0)
    assert shares == [0.75, 0.25]


def test_one_row_more_or_less_changes_counts_by_no_more_than_their_noise_hides() -> None:
    """Of two neighbouring tables, no answer is more than e^epsilon as likely as of the other: seen on 1,000 answers."""
    one = pl.DataFrame({"sex": ["f"] * 10})
    other = pl.DataFrame({"sex": ["f"] * 11})
    answers = [np.array([release(t, [Rows()], 1.0).statistics[0].value for _ in range(500)]) for t in (one, other)]
    for at_least in (10, 11, 12):
        first, second = (float((a >= at_least).mean()) for a in answers)
        assert second <= math.e * first + 0.3  # five deviations of what is seen
        assert 1 - first <= math.e * (1 - second) + 0.3
    assert answers[1].mean() > answers[0].mean() + 0.5  # and yet the tables differ


def test_a_report_survives_its_file(people: pl.DataFrame) -> None:
    report = release(people, asked(), 1.0)
    assert PrivateReport.model_validate_json(report.model_dump_json()) == report
    assert json.loads(report.model_dump_json())["statistics"][0]["mechanism"] == "Laplace"
    lines = report.lines()
    assert lines[0].startswith("guarded: tables that differ by one row; pure differential privacy")
    assert "scale 6" in lines[2]


def test_an_empty_table_is_told_of_like_any_other() -> None:
    empty = pl.DataFrame(schema={"sex": pl.String, "age": pl.Float64, "bad": pl.Float64})
    found = {s.name: s for s in release(empty, asked(), 1.0).statistics}
    assert found["mean age"].value is None or 18 <= found["mean age"].value <= 90
    assert found["rows"].low == 0.0
    assert found["rate of bad where sex=f"].note == "too few rows under so much noise"


@pytest.mark.parametrize(
    ("epsilon", "delta", "message"),
    [
        (0.0, 0.0, "epsilon 0 must be above 0"),
        (-1.0, 0.0, "epsilon -1 must be above 0"),
        (math.nan, 0.0, "epsilon nan must be above 0"),
        (math.inf, 0.0, "epsilon inf must be above 0 and finite"),
        (1.0, 0.5, "delta 0.5 must be 0, or far below one in the number of rows"),
        (1.0, -1e-9, "delta -1e-09 must be 0"),
        (0.001, 0.0, "ask fewer, or give more"),
    ],
)
def test_a_budget_that_is_none_is_refused(people: pl.DataFrame, epsilon: float, delta: float, message: str) -> None:
    with pytest.raises(FairleadError, match=message):
        release(people, asked(), epsilon, delta)


def test_wrong_questions_are_named(people: pl.DataFrame) -> None:
    with pytest.raises(FairleadError, match="no question was asked"):
        release(people, [], 1.0)
    with pytest.raises(FairleadError, match="unknown column of the table 'wage'; allowed: sex, age, bad"):
        release(people, [Mean(column="wage", low=0, high=1)], 1.0)
    with pytest.raises(FairleadError, match="column 'sex' holds String, which has no sum or quantile"):
        release(people, [Mean(column="sex", low=0, high=1)], 1.0)

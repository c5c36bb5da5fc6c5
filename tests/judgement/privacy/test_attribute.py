"""Guessing what people keep to themselves, from scores that tell it and scores that do not."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from components.core.contracts import Columns
from components.core.errors import FairleadError
from components.judgement.privacy.attribute import Inferred, as_numbers, infer

N = 600


def people() -> tuple[pl.DataFrame, Columns, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(4)
    inputs: dict[str, Any] = {
        "sex": np.array(["f", "m"], dtype=object)[rng.integers(0, 2, N)],
        "income": rng.lognormal(size=N),
        "since": np.datetime64("2000-01-01") + rng.integers(0, 900, N),
    }
    frame = pl.DataFrame({"sex": inputs["sex"].tolist(), "income": inputs["income"], "since": inputs["since"]})
    return frame, inputs, (rng.random(N) < 0.3).astype(float), rng


def guessed(column: str, probability: np.ndarray | None = None, **changed: Any) -> Inferred:
    frame, inputs, labels, rng = people()
    frame = changed.get("frame", frame)
    p = rng.random(N) if probability is None else probability
    return infer(column, frame, inputs, labels, p, changed.get("cuts", ()), 7)


def test_a_score_made_from_the_column_gives_it_away() -> None:
    frame, *_ = people()
    score = 0.2 + 0.3 * (frame["sex"] == "f").to_numpy()
    found = guessed("sex", score)
    assert (found.gain.low or 0) > 0.3
    assert found.without == pytest.approx(0.5, abs=0.1)
    assert (found.values, found.gain.n) == (2, N // 2)


def test_a_score_made_from_nothing_gives_nothing_away() -> None:
    found = guessed("sex")
    assert found.gain.low is not None
    assert found.gain.high is not None
    assert found.gain.low < 0.03
    assert found.gain.high > -0.03


def test_the_column_itself_is_not_among_what_the_attacker_has() -> None:
    """Income is given away by no other column, so without a score nobody does better than one in four."""
    found = guessed("income")
    assert (found.without, found.values) == (pytest.approx(0.25, abs=0.08), 4)
    assert guessed("income", cuts=(1.0,)).values == 2


def test_a_score_that_tells_no_more_than_the_other_inputs_gains_nothing() -> None:
    _, inputs, *_ = people()
    found = guessed("sex", np.asarray(inputs["income"]) / 100)
    assert (found.gain.low or 0) < 0.05


def test_a_column_with_one_value_or_only_rare_ones_is_not_enough_data() -> None:
    frame, *_ = people()
    alone = guessed("sex", frame=frame.with_columns(sex=pl.lit("f")))
    assert alone.gain.value is None
    assert alone.reason == "sex has fewer than two values with 50 rows; rows by value: 600"
    empty = guessed("sex", frame=frame.with_columns(sex=pl.lit(None, dtype=pl.String)))
    assert empty.reason.endswith("rows by value: none")
    rare = pl.Series("sex", ["x"] + ["f", "m"] * (N // 2 - 1) + ["y"])
    assert guessed("sex", frame=frame.with_columns(rare)).values == 2


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(FairleadError, match=r"unknown column in judgement.privacy.sensitive 'faith'; allowed: sex,"):
        guessed("faith")


def test_missing_values_become_numbers_of_their_own() -> None:
    columns = {
        "day": np.array(["2000-01-03", "NaT"], dtype="datetime64[D]"),
        "none": np.array([np.nan, np.nan]),
        "word": np.array([None, "b"], dtype=object),
    }
    np.testing.assert_array_equal(as_numbers(columns), [[10959, 0, -1], [10958, 0, 0]])

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.contracts import Field
from components.core.explaining import Actionable
from components.judgement.robustness.levers import Lever, distance, domain, learn_levers, move, shares

DAYS = np.array(["2005-01-01", "2005-01-11", "NaT"], dtype="datetime64[D]")
FIELDS = [
    Field(name="paid", kind="float", minimum=0, maximum=600),
    Field(name="late", kind="int"),
    Field(name="asked", kind="date", nullable=True, earliest=date(2000, 1, 1)),
    Field(name="form", kind="category"),
    Field(name="fixed", kind="float"),
]
TRAIN = {
    "paid": np.arange(1001.0),
    "late": np.array([0.0, 1.0, 2.0]),
    "asked": DAYS,
    "form": np.array(["a", "b"], dtype=object),
    "fixed": np.full(9, 3.0),
}

finite = st.floats(-1e6, 1e6)


@st.composite
def pulled(draw: st.DrawFn) -> tuple[Lever, float, float, float]:
    ends = sorted((draw(finite), draw(finite)))
    whole = draw(st.booleans())
    if whole:
        ends = [float(np.floor(e)) for e in ends]
    lever = Lever("x", draw(st.sampled_from([-1, 0, 1])), draw(st.floats(1e-3, 1e6)), ends[0], ends[1], whole)
    old = draw(finite)
    return lever, float(np.floor(old)) if whole else old, draw(st.floats(-3, 3)), draw(st.floats(1e-3, 2))


@settings(deadline=None)
@given(pulled())
def test_a_lever_keeps_to_its_budget_direction_ends_and_grain(drawn: tuple[Lever, float, float, float]) -> None:
    lever, old, coordinate, reach = drawn
    new = float(move({"x": np.array([old])}, [lever], np.array([[coordinate]]), reach)["x"][0])
    step = new - old
    assert abs(step) <= reach * lever.distance * (1 + 1e-9) + 1e-9
    assert step * lever.direction >= 0
    assert min(lever.minimum, old) <= new <= max(lever.maximum, old)
    assert not lever.whole or new == round(new)


def test_levers_are_learnt_with_their_reasons() -> None:
    ways = [
        Actionable(column="paid", direction="increase"),
        Actionable(column="late", direction="decrease"),
        Actionable(column="asked"),
        Actionable(column="form"),
        Actionable(column="fixed"),
    ]
    levers, left_out = learn_levers(ways, FIELDS, TRAIN)
    assert [(lv.column, lv.direction, lv.whole) for lv in levers] == [
        ("paid", 1, True),
        ("late", -1, True),
        ("asked", 0, True),
    ]
    # Ordinary values of what is paid end at 990, the contract's at 600.
    assert (levers[0].distance, levers[0].minimum, levers[0].maximum) == (900.0, 10.0, 600.0)
    assert left_out == {
        "form": "a category has no small moves",
        "fixed": "its 5th and its 95th percentile in training are the same",
    }


def test_dates_move_by_whole_days_and_gaps_stay() -> None:
    lever = Lever("asked", -1, 10.0, 0.0, 1e5, True)
    moved = move({"asked": DAYS}, [lever], np.array([[0.55], [1.0], [1.0]]), 1.0)["asked"]
    assert moved.astype(str).tolist() == ["2004-12-27", "2005-01-01", "NaT"]
    assert shares({"asked": DAYS}, {"asked": moved}, [lever]).tolist() == [0.5, 1.0, 0.0]


def test_only_levers_move_and_one_row_becomes_many() -> None:
    lever = Lever("late", -1, 2.0, 0.0, 9.0, True)
    rows = {"late": np.array([2.0]), "form": np.array(["a"], dtype=object)}
    moved = move(rows, [lever], np.array([[0.0], [1.0], [np.nan]]), 0.5)
    assert moved["late"].tolist() == [2.0, 1.0, 2.0]
    assert moved["form"].tolist() == ["a"] * 3
    assert rows["late"].tolist() == [2.0]


@pytest.mark.parametrize("values", [[], [np.nan], [4.0], [4.0, 4.0]])
def test_without_spread_there_is_no_distance(values: list[float]) -> None:
    assert distance(np.array(values)) == 0.0


def test_the_domain_of_a_date_is_in_days() -> None:
    assert domain(FIELDS[2]) == (float((date(2000, 1, 1) - date(1970, 1, 1)).days), np.inf)

"""What is ordinary, read from the reference that training wrote: by hand, and of the real bundle."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from components.core.contracts import Field
from components.serving.ordinary import LISTED, Ordinary, ordinary
from components.training.reference import CATEGORIES, reference
from tests.serving.contracts import CONTRACT, FIELDS

DAYS = np.array(["1999-01-01", "2001-06-30", "2003-12-31", "NaT"], dtype="datetime64[D]")
NAMES = tuple(f.name for f in FIELDS)


def _of(**given):
    """What is ordinary where four rows were these, and anything in the other inputs."""
    plain = {
        "day": DAYS[[0, 1, 2, 2]],
        "last": DAYS,
        "size": np.array([1.0, 2.0, 3.0, 900.0]),
        "seen": np.array([np.nan] * 4),
        "amount": np.array([1.0, 5.0, 7.0, 9.0]),
        "share": np.array([0.5, np.nan, 0.25, 0.75]),
        "flag": np.array(["N", "N", "Y", "N"], dtype=object),
        "maybe": np.array(["N", None, None, None], dtype=object),
        "bank": np.array(["A", "B", "B", None], dtype=object),
        "state": np.array(["CA"] * 4, dtype=object),
    }
    rows = {**plain, **given}
    n = len(rows["day"])
    made = json.loads(json.dumps(reference(rows, np.empty((n, 0)), np.full(n, 0.5), CONTRACT)))
    return {o.field.name: o for o in ordinary(made, FIELDS)}


def test_bounds_and_what_stands_in_for_an_odd_value():
    found = _of()
    assert tuple(found) == NAMES
    size, last, bank, flag = (found[n] for n in ("size", "last", "bank", "flag"))
    assert (size.low, size.high, size.always, size.typical) == (1.0, 900.0, True, 2.0)
    assert (last.typical, last.always, last.grows) == ("2001-06-30", False, True)
    assert (size.grows, last.open_above().high, found["seen"].open_above().high) == (False, np.inf, -np.inf)
    assert (bank.known, bank.always, bank.typical) == (frozenset({"A", "B"}), False, "B")
    assert (flag.typical, flag.always) == ("N", True)


def test_equally_frequent_categories_give_the_same_one_always():
    assert _of(state=np.array(["NV", "CA", "NV", "CA"], dtype=object))["state"].typical == "CA"


@pytest.mark.parametrize(
    ("name", "values", "odd"),
    [
        ("size", [0.0, 1.0, 900.0, 901.0, np.nan], {"out_of_range": [0, 3], "missing": [4]}),
        ("share", [0.2, 0.25, 0.75, np.nan], {"out_of_range": [0]}),
        # No row had a value, so that every one is new, and typical is to have none.
        ("seen", [np.nan, 0.0, -1e9], {"out_of_range": [1, 2]}),
        ("day", ["1998-12-31", "1999-01-01", "2999-01-01", "NaT"], {"out_of_range": [0, 2], "missing": [3]}),
        ("last", ["1998-12-31", "NaT"], {"out_of_range": [0]}),
        ("bank", ["A", None, "C", ""], {"new_category": [2, 3]}),
        ("state", ["CA", None, "NV"], {"new_category": [2], "missing": [1]}),
    ],
)
def test_a_value_is_odd_that_no_row_had_and_one_that_all_had_may_not_be_missing(name, values, odd):
    field = next(f for f in FIELDS if f.name == name)
    dtype = {"category": object, "date": "datetime64[D]"}.get(field.kind, np.float64)
    ways = {when: np.flatnonzero(rows).tolist() for when, rows in _of()[name].odd(np.array(values, dtype=dtype))}
    assert {when: rows for when, rows in ways.items() if rows} == odd


def test_where_more_values_were_seen_than_are_kept_none_is_called_new():
    n = CATEGORIES + 1
    many = {k: np.repeat(v[:1], n) for k, v in _rows(n).items()}
    many["bank"] = np.array([f"B{i}" for i in range(n)], dtype=object)
    made = reference(many, np.empty((n, 0)), np.full(n, 0.5), CONTRACT)
    bank = {o.field.name: o for o in ordinary(made, FIELDS)}["bank"]
    assert bank.known is None
    assert bank.always
    assert {when: rows.tolist() for when, rows in bank.odd(np.array(["new", None], dtype=object))} == {
        "missing": [False, True]
    }
    assert bank.allowed == "text"


def _rows(n):
    kinds = {"category": np.array(["A"] * n, dtype=object), "date": np.array(["2000-01-01"] * n, "datetime64[D]")}
    return {f.name: kinds.get(f.kind, np.ones(n)) for f in FIELDS}


def test_what_is_allowed_is_told_in_words():
    found = _of()
    assert found["size"].allowed == "1 to 900"
    assert found["seen"].allowed == "null"
    assert found["day"].allowed == "1999-01-01 to 2003-12-31"
    assert found["day"].open_above().allowed == "from 1999-01-01 on"
    assert found["bank"].allowed == "'A', 'B'"
    many = replace(found["bank"], known=frozenset(f"B{i:02}" for i in range(LISTED + 3)))
    assert many.allowed.endswith("'B09' and 3 more")
    assert Ordinary(Field(name="x", kind="category"), known=frozenset()).allowed == "null"


def test_what_is_known_of_an_entity_grows(opened):
    made = json.loads((opened.path / "reference.json").read_text())
    grows = {o.field.name for o in ordinary(made, opened.contract.inputs, opened.contract.entities) if o.grows}
    assert grows == {"ApprovalDate", *(name for e in opened.contract.entities for name in e.history)}


def test_the_rows_that_a_real_model_learned_from_are_ordinary(opened, sba, small_dataset):
    from components.training.dataset import read

    found = ordinary(json.loads((opened.path / "reference.json").read_text()), opened.contract.inputs)
    rows = read(small_dataset, sba, "train").columns
    assert {o.field.name: w for o in found for w, odd in o.odd(rows[o.field.name]) if odd.any()} == {}
    for o in found:
        assert o.typical is None or isinstance(o.typical, float | str)
        if o.field.kind == "date" and o.typical is not None:
            date.fromisoformat(o.typical)

"""The law of the fast lane: whatever ``quick`` accepts, the door accepts too, and reads the same."""

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.serving import quick, v2
from components.serving.door import DATATYPES, check
from tests.serving.contracts import ANY, CONTRACT, FIELDS, GOOD, tensor

READ = quick.reader(CONTRACT)
LAYOUT = quick.Layout(FIELDS)
PLAIN = {
    "day": "2003-01-31",
    "last": "2000-02-29",
    "size": 3,
    "seen": 4,
    "amount": 5.5,
    "share": 0.25,
    "flag": "Y",
    "maybe": "N",
    "bank": "First",
    "state": "CA",
}


def _request(values, **top):
    return {"inputs": [tensor(f, values[f.name]) for f in FIELDS if f.name in values], **top}


def _same(found, expected):
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name].dtype == values.dtype, name
        assert found[name].shape == values.shape
        if values.dtype == object:
            assert found[name].tolist() == values.tolist()
        else:
            # By their bits: 0.0 equals -0.0, and NaN nothing.
            np.testing.assert_array_equal(found[name].astype(values.dtype).view("i8"), values.view("i8"), name)


def _agrees(content):
    """Hold quick against the door; gives whether it accepted."""
    body = orjson.dumps(content)
    row = READ(orjson.loads(body))
    if row is None:
        return False
    request = v2.decode(body)  # raises where the door would refuse
    _same(LAYOUT.columns([row]), check(request, CONTRACT, 1))
    assert (request.outputs, request.binary) == (None, False)
    assert request.id == orjson.loads(body).get("id")
    return True


@given(st.fixed_dictionaries(GOOD))
def test_rows_that_fit_are_accepted_and_read_as_the_door_reads_them(values):
    blank = [v for v in values.values() if isinstance(v, str) and not v.strip()]
    assert _agrees(_request(values)) or blank


@settings(max_examples=300)
@given(
    st.fixed_dictionaries({name: st.just(value) | ANY for name, value in PLAIN.items()}),
    st.sets(st.sampled_from(list(PLAIN)), max_size=2),
    st.sampled_from([{}, {"id": "x"}, {"id": ""}, {"id": None}, {"id": 5}, {"outputs": []}, {"parameters": {}}]),
)
def test_whatever_is_accepted_the_door_accepts_with_equal_columns(values, left_out, top):
    _agrees(_request({k: v for k, v in values.items() if k not in left_out}, **top))


shapes = st.sampled_from([[1], [1, 1], [True], [1.0], [1, True], [2], [], [1, 1, 1], "1", None, 1, {"0": 1}])
datas = st.sampled_from([[], [1], [1, 1], [[1]], [[1, 1]], [[]], [[[1]]], {"1": 1}, "1", None, 1])
odd = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from([*PLAIN, "x", "", 5, None, [1]]),
        "shape": shapes,
        "datatype": st.sampled_from([*DATATYPES["int"], "BYTES", "BOOL", 5, None, []]),
        "data": datas,
        "parameters": st.sampled_from(
            [None, {}, {"a": 1}, {"binary_data_size": 1}, {"binary_data_size": None}, [], [1]]
        ),
        "more": st.just(1),
    },
)


@settings(max_examples=500)
@given(st.sampled_from(range(len(FIELDS))), odd, st.sampled_from([*PLAIN, ""]))
def test_a_tensor_of_any_form_is_accepted_only_where_the_door_accepts_it(i, changes, removed):
    content = _request(PLAIN)
    content["inputs"][i] |= changes
    content["inputs"][i].pop(removed, None)
    _agrees(content)
    content["inputs"].append(changes)
    _agrees(content)


UNUSUAL = {
    "no object": [1],
    "nothing": None,
    "no inputs": {},
    "inputs that are empty": {"inputs": []},
    "inputs that are no list": {"inputs": {}},
    "inputs that are text": {"inputs": "x"},
    "an input that is no object": {"inputs": [5]},
    "a name twice": _request(PLAIN) | {"inputs": _request(PLAIN)["inputs"] * 2},
    "outputs asked for": _request(PLAIN, outputs=[{"name": "decision"}]),
    "raw bytes asked for": _request(PLAIN, parameters={"binary_data_output": True}),
    "two rows": {"inputs": [tensor(f, 0, shape=[2], data=[PLAIN[f.name]] * 2) for f in FIELDS]},
    "a required one left out": _request({k: v for k, v in PLAIN.items() if k != "size"}),
}


@pytest.mark.parametrize("case", UNUSUAL)
def test_what_is_unusual_is_left_to_the_door(case):
    assert READ(UNUSUAL[case]) is None


@pytest.mark.parametrize(
    "content",
    [
        _request(PLAIN),
        _request(PLAIN, id="mine"),
        _request(PLAIN, id=None),
        _request({k: v for k, v in PLAIN.items() if k not in ("last", "seen", "share", "maybe", "bank")}),
        {"inputs": [tensor(f, PLAIN[f.name], shape=[1, 1]) for f in FIELDS]},
        {"inputs": [tensor(f, 0, shape=[1, 1], data=[[PLAIN[f.name]]]) for f in FIELDS]},
        {"inputs": [tensor(f, PLAIN[f.name], parameters={"content_type": "str"}) for f in FIELDS]},
        {"inputs": [tensor(f, PLAIN[f.name]) for f in reversed(FIELDS)]},
    ],
    ids=range(8),
)
def test_what_is_usual_is_accepted(content):
    assert _agrees(content)


def test_many_rows_become_the_columns_that_the_door_makes_of_them():
    rows = [PLAIN, {**PLAIN, "seen": None, "last": None, "bank": None, "day": "1999-12-31"}, PLAIN]
    found = LAYOUT.columns([READ(_request(row)) for row in rows])
    body = {"inputs": [tensor(f, 0, shape=[3], data=[row[f.name] for row in rows]) for f in FIELDS]}
    _same({k: v.copy() for k, v in found.items()}, check(v2.decode(orjson.dumps(body)), CONTRACT, 3))


def test_a_row_comes_back_from_its_columns():
    for values in (PLAIN, {k: v for k, v in PLAIN.items() if k not in ("last", "seen", "share", "maybe", "bank")}):
        row = READ(_request(values))
        again = LAYOUT.row(LAYOUT.columns([row]))
        _same(LAYOUT.columns([again]), LAYOUT.columns([row]))


def test_dates_are_kept_within_bounds(monkeypatch):
    monkeypatch.setattr(quick, "KEPT_DAYS", 3)
    read = quick.reader(CONTRACT)
    for day in ("2001-01-01", "2001-01-02", "2001-01-03", "2001-01-04", "2001-01-01"):
        row = read(_request({**PLAIN, "day": day, "last": day}))
        assert LAYOUT.columns([row])["day"].astype(str).tolist() == [day]

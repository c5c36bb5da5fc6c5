"""Laws of the door: what fits comes through unchanged, and nothing that comes in raises anything but a violation."""

import contextlib
import json
from datetime import date

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.contracts import Contract, Field
from components.core.errors import ContractViolation
from components.serving import v1, v2
from components.serving.door import DATATYPES, SHOWN, check
from components.serving.exchange import Request, Tensor, TooLarge
from components.training.v2_request import v2_body

FIRST_DAY = date(1953, 7, 30)
FIELDS = (
    Field(name="day", kind="date", earliest=FIRST_DAY),
    Field(name="last", kind="date", nullable=True, earliest=FIRST_DAY),
    Field(name="size", kind="int", minimum=0, maximum=1000),
    Field(name="seen", kind="int", nullable=True),
    Field(name="amount", kind="float", minimum=1),
    Field(name="share", kind="float", nullable=True),
    Field(name="flag", kind="category", values=("N", "Y")),
    Field(name="bank", kind="category", nullable=True),
)
CONTRACT = Contract(
    model="m",
    inputs=FIELDS,
    features=(),
    threshold=0.5,
    as_of="2003-12-31",
    trained_until="2000-03-01",
    algorithm="logistic",
    data_hash="",
    transform_fingerprint="",
    code_fingerprint="",
    environment_lock="",
)

days = st.dates(min_value=FIRST_DAY)
numbers = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(min_size=1).filter(lambda t: not t.isspace())
VALUES = {
    "day": days,
    "last": st.none() | days,
    "size": st.integers(0, 1000),
    "seen": st.none() | st.integers(-(2**53), 2**53),
    "amount": st.floats(min_value=1, allow_infinity=False),
    "share": st.none() | numbers,
    "flag": st.sampled_from(["N", "Y"]),
    "bank": st.none() | words.filter(lambda t: t.isprintable()),
}


def _columns(rows):
    columns = {}
    for field in FIELDS:
        values = [row[field.name] for row in rows]
        dtype = {"date": "datetime64[D]", "category": object}.get(field.kind, np.float64)
        columns[field.name] = np.array(values, dtype=dtype)
    return columns


def _same(found, expected):
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        if values.dtype == object:
            assert found[name].tolist() == values.tolist()
        else:
            np.testing.assert_array_equal(found[name], values)


@given(st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=5))
def test_what_fits_comes_through_both_protocols_unchanged(rows):
    columns = _columns(rows)
    body = v2_body(columns, FIELDS)
    _same(check(v2.decode(json.dumps(body).encode()), CONTRACT, 5), columns)
    tensors = {t["name"]: t["data"] for t in body["inputs"]}
    instances = [{name: data[i] for name, data in tensors.items()} for i in range(len(rows))]
    _same(check(v1.decode(json.dumps({"instances": instances}).encode(), CONTRACT), CONTRACT, 5), columns)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.integers(-(10**400), 10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
tensors = st.builds(
    Tensor,
    name=st.sampled_from([f.name for f in FIELDS]) | st.text(max_size=4),
    datatype=st.sampled_from([*DATATYPES["int"], "BYTES", "BOOL", "FP16", ""]),
    shape=st.lists(st.integers(0, 3), max_size=3).map(tuple),
    data=st.lists(anything, max_size=3) | st.lists(st.floats(), max_size=3).map(np.array),
)


@settings(max_examples=300)
@given(st.lists(tensors, max_size=4))
def test_whatever_comes_in_is_checked_or_refused(some):
    good = v2.decode(json.dumps(v2_body(_columns([GOOD]), FIELDS)).encode()).tensors
    names = {t.name for t in some}
    request = Request((*some, *(t for t in good if t.name not in names)))
    try:
        columns = check(request, CONTRACT, 3)
    except ContractViolation:
        return
    for field in FIELDS:
        assert len({len(v) for v in columns.values()}) == 1
        values = columns[field.name]
        if field.kind == "category":
            assert all(v is None or v in (field.values or [v]) for v in values)
        elif field.kind == "date":
            assert not (values < np.datetime64(FIRST_DAY)).any()
        else:
            assert not np.isinf(values).any()
            assert field.nullable or not np.isnan(values).any()


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | numbers | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["inputs", "name", "shape", "datatype", "data", "parameters", "binary_data_size", "outputs", "id"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300)
@given(json_like, st.binary(max_size=16), st.none() | st.sampled_from(["0", "5", "x", "-1"]))
def test_any_body_is_decoded_or_refused(content, raw, header):
    body = orjson.dumps(content, option=orjson.OPT_PASSTHROUGH_DATACLASS) if _dumpable(content) else b"{"
    for decode in (lambda: v2.decode(body + raw, header), lambda: v1.decode(body, CONTRACT)):
        with contextlib.suppress(ContractViolation):
            check(decode(), CONTRACT, 3)


def _dumpable(content):
    try:
        orjson.dumps(content)
    except orjson.JSONEncodeError:  # a lone surrogate is no text
        return False
    return True


GOOD = {
    "day": "2003-01-31",
    "last": None,
    "size": 3,
    "seen": None,
    "amount": 5.0,
    "share": None,
    "flag": "Y",
    "bank": None,
}


def _with(name, value):
    return Request(
        tuple(
            Tensor(f.name, f.datatype, (1,), [value if f.name == name else GOOD[f.name]])
            for f in FIELDS
            if f.name == name or GOOD[f.name] is not None
        )
    )


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("size", 7.0, 7.0),
        ("amount", 7, 7.0),
        ("share", None, np.nan),
        ("bank", "", None),
        ("bank", " \t", None),
        ("bank", b"First", "First"),
        ("last", "", np.datetime64("NaT")),
        ("last", "2000-02-29", np.datetime64("2000-02-29")),
    ],
)
def test_values_are_taken_as_they_are_meant(name, value, expected):
    found = check(_with(name, value), CONTRACT, 1)[name]
    np.testing.assert_array_equal(found, np.array([expected], dtype=found.dtype))


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("size", 7.5, "input 'size', row 0: found 7.5, allowed: a whole number"),
        ("size", 1001, "input 'size', row 0: found 1001, allowed: a number from 0 to 1000"),
        ("seen", 2**53 + 2, "allowed: a whole number up to 2**53 either way"),
        ("seen", 10**400, "allowed: a whole number up to 2**53 either way"),
        ("seen", "7", "input 'seen', row 0: found '7', allowed: a number, or null"),
        ("amount", float("inf"), "input 'amount', row 0: found inf, allowed: a finite number"),
        ("amount", 0.5, "input 'amount', row 0: found 0.5, allowed: a number of at least 1"),
        ("flag", "y", "input 'flag', row 0: found 'y', allowed: text out of N, Y"),
        ("bank", b"\xff", r"found b'\xff', allowed: text, or null"),
        ("bank", 5, "input 'bank', row 0: found 5, allowed: text, or null"),
        ("day", "0000-01-01", "input 'day', row 0: found '0000-01-01', allowed: an ISO date (yyyy-mm-dd)"),
        ("day", "\u0662\u0660\u0660\u0663-01-01", "allowed: an ISO date"),
        ("day", "1953-07-29", "input 'day', row 0: found '1953-07-29', allowed: an ISO date from 1953-07-30 on"),
        ("bank", ["x" * 500], "..."),
    ],
)
def test_an_error_names_field_row_value_and_what_is_allowed(name, value, text):
    with pytest.raises(ContractViolation) as caught:
        check(_with(name, value), CONTRACT, 1)
    assert text in str(caught.value)
    assert len(str(caught.value)) < 200


def test_several_problems_are_told_at_once_but_not_endlessly():
    some = tuple(Tensor(f"x{i}", "FP64", (1,), [1.0]) for i in range(50))
    with pytest.raises(ContractViolation, match="and 49 more") as caught:
        check(Request(some), CONTRACT, 1)
    assert str(caught.value).count("unknown") == SHOWN


def test_a_limit_is_a_limit():
    rows = [GOOD] * 4
    request = v2.decode(json.dumps(v2_body(_columns(rows), FIELDS)).encode())
    assert len(check(request, CONTRACT, 4)["size"]) == 4
    with pytest.raises(TooLarge, match="4 rows found, allowed: 1 to 3"):
        check(request, CONTRACT, 3)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("datatype", ["INT64", "FP64"])
def test_a_whole_number_that_no_float_can_hold_is_refused(datatype, sign):
    for value, fits in ((sign * 2**53, True), (sign * (2**53 + 1), False), (sign * 2**63 - (sign > 0), False)):
        for data in ([value], np.array([value], dtype="int64")):
            tensor = Tensor("seen", datatype, (1,), data)
            request = Request((*(t for t in _with("seen", 1).tensors if t.name != "seen"), tensor))
            if fits:
                assert check(request, CONTRACT, 1)["seen"].tolist() == [value]
            else:
                with pytest.raises(ContractViolation, match=r"'seen', row 0: found -?\d+, allowed: a whole number up"):
                    check(request, CONTRACT, 1)


BREACHES = [
    (lambda: _with("size", 7.5), ("size", "domain")),
    (lambda: _with("size", "7"), ("size", "type")),
    (lambda: _with("size", True), ("size", "type")),
    (lambda: _with("amount", float("nan")), ("amount", "null")),
    (lambda: _with("flag", None), ("flag", "null")),
    (lambda: _with("flag", "  "), ("flag", "null")),
    (lambda: _with("flag", "y"), ("flag", "domain")),
    (lambda: _with("bank", 5), ("bank", "type")),
    (lambda: _with("day", "today"), ("day", "domain")),
    (lambda: Request(_with("size", 1).tensors[1:]), ("day", "missing")),
    (lambda: Request((*_with("size", 1).tensors, Tensor("x", "FP64", (1,), [1]))), ("x", "unknown")),
    (lambda: Request(_with("size", 1).tensors * 2), ("day", "repeated")),
    (lambda: Request((Tensor("day", "INT64", (1,), [1]), *_with("size", 1).tensors[1:])), ("day", "datatype")),
    (lambda: Request((Tensor("day", "BYTES", (1, 2), []), *_with("size", 1).tensors[1:])), ("day", "shape")),
]


@pytest.mark.parametrize(("make", "breach"), BREACHES, ids=range(len(BREACHES)))
def test_a_violation_says_in_words_that_can_be_counted_what_broke(make, breach):
    with pytest.raises(ContractViolation) as caught:
        check(make(), CONTRACT, 3)
    assert caught.value.breaches[0] == breach

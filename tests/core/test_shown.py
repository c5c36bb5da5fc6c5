import numpy as np
import pytest

from components.core.shown import MOST, shown


def _deep(depth, form):
    value = None
    for _ in range(depth):
        value = form(value)
    return value


@pytest.mark.parametrize(
    "value",
    [
        _deep(5000, lambda v: [v]),
        _deep(5000, lambda v: {"a": v}),
        [1] * 10**6,
        {str(i): [i] for i in range(10**5)},
        "x" * 10**7,
        b"\xff" * 10**7,
        10**5000,
        -(10**5000),
        np.array([["x"] * 1000] * 10),
    ],
    ids=[
        "lists",
        "objects",
        "a long list",
        "a large object",
        "text",
        "bytes",
        "a number",
        "a negative one",
        "an array",
    ],
)
def test_however_large_or_deep_a_value_is_its_text_is_short(value):
    assert 0 < len(shown(value)) <= MOST


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ("today", "'today'"),
        ("x" * 100, "'" + "x" * 56 + "..."),
        (2**64 - 1, "18446744073709551615"),
        (3.5, "3.5"),
        (True, "True"),
        (b"\xff", r"b'\xff'"),
        ([5000], "[5000]"),
        ({}, "{}"),
        (np.float64("nan"), "nan"),
        (np.int64(7), "7"),
    ],
)
def test_a_small_value_is_shown_as_it_is(value, text):
    assert shown(value) == text

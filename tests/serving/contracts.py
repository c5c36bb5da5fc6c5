"""A contract with one field of every kind, for tests of the doors, and rows that fit it or do not."""

import math
from datetime import date

from hypothesis import strategies as st

from components.core.contracts import Contract, Field

FIRST_DAY = date(1953, 7, 30)
FIELDS = (
    Field(name="day", kind="date", earliest=FIRST_DAY),
    Field(name="last", kind="date", nullable=True),
    Field(name="size", kind="int", minimum=0, maximum=1000),
    Field(name="seen", kind="int", nullable=True),
    Field(name="amount", kind="float", minimum=1),
    Field(name="share", kind="float", nullable=True, maximum=2.0**60),
    Field(name="flag", kind="category", values=("N", "Y")),
    Field(name="maybe", kind="category", nullable=True, values=("N", "Y")),
    Field(name="bank", kind="category", nullable=True),
    Field(name="state", kind="category"),
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

days = st.dates().map(date.isoformat)
numbers = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(max_size=4)

GOOD = {
    "day": st.dates(min_value=FIRST_DAY).map(date.isoformat),
    "last": st.none() | days,
    "size": st.integers(0, 1000) | st.integers(0, 1000).map(float),
    "seen": st.none() | st.integers(-(2**53), 2**53),
    "amount": st.floats(min_value=1, allow_infinity=False) | st.integers(1, 2**63),
    "share": st.none() | st.floats(max_value=2.0**60, allow_nan=False, allow_infinity=False),
    "flag": st.sampled_from(["N", "Y"]),
    "maybe": st.none() | st.sampled_from(["N", "Y"]),
    "bank": st.none() | words,
    "state": st.text(min_size=1, max_size=4),
}
"""Values that fit, by field, but for the blank text among the words."""

ANY = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.sampled_from(
        [2**53, 2**53 + 1, 2**60 + 1, -0.0, 0, 1, 1.0, 1e308, math.pi, "", " ", "1953-07-29", "Y", [1], {}]
    )
    | numbers
    | words
    | days
)
"""Whatever JSON may hold in the place of a value."""


def tensor(field: Field, value: object, **changes: object) -> dict[str, object]:
    """One input of a V2 request of one row."""
    return {"name": field.name, "shape": [1], "datatype": field.datatype, "data": [value], **changes}

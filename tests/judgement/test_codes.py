import numpy as np
from hypothesis import given as examples
from hypothesis import strategies as st

from components.core.contracts import Columns, Field
from components.judgement.codes import learn

FIELDS = (
    Field(name="number", kind="float", nullable=True),
    Field(name="text", kind="category", nullable=True),
    Field(name="day", kind="date", nullable=True),
)

ROWS = st.lists(
    st.tuples(
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
        st.none() | st.text(max_size=3),
        st.none() | st.dates().map(str),
    ),
    min_size=1,
    max_size=20,
)


def _columns(rows: list[tuple[float | None, str | None, str | None]]) -> Columns:
    number, text, day = zip(*rows, strict=True)
    return {
        "number": np.array(number, dtype=np.float64),
        "text": np.array(text, dtype=object),
        "day": np.array(day, dtype="datetime64[D]"),
    }


@examples(ROWS, ROWS)
def test_rows_come_back_as_they_were(first: list, second: list) -> None:
    tables = [_columns(first), _columns(second)]
    codes = learn(FIELDS, tables)
    for table in tables:
        back = codes.decode(codes.encode(table))
        for name, values in table.items():
            np.testing.assert_array_equal(back[name], values)
            assert back[name].dtype == values.dtype


@examples(ROWS)
def test_codes_keep_the_order_and_put_gaps_first(rows: list) -> None:
    table = _columns(rows)
    matrix = learn(FIELDS, [table]).encode(table)
    for i, row in enumerate(rows):
        for j, other in enumerate(rows):
            for column in range(3):
                a, b = row[column], other[column]
                if a is None:
                    assert matrix[i, column] == 0
                elif b is not None:
                    assert (a < b) == (matrix[i, column] < matrix[j, column])


def test_codes_between_two_values_are_rounded() -> None:
    codes = learn(FIELDS[:1], [{"number": np.array([10.0, 20.0])}])
    np.testing.assert_array_equal(codes.decode(np.array([[1.4], [1.6]]))["number"], [10.0, 20.0])

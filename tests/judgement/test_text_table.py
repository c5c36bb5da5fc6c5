from hypothesis import given
from hypothesis import strategies as st

from components.judgement.text_table import number, text_table

cells = st.text(st.characters(codec="ascii", exclude_characters="|\n\r\x0b\x0c\x1c\x1d\x1e"), max_size=12)


def test_a_heading_may_be_wider_than_its_cells_and_the_other_way_round() -> None:
    assert text_table(["a", "threshold"], [["long name", "1"], ["b", ""]]).splitlines() == [
        "a         | threshold",
        "----------+----------",
        "long name | 1",
        "b         |",
    ]


def test_without_rows_there_are_the_headings() -> None:
    assert text_table(["gate", "value"], []) == "gate | value\n-----+------"


@given(st.lists(st.tuples(cells, cells, cells), max_size=5))
def test_every_column_begins_at_one_place_and_every_cell_can_be_read_back(rows: list[tuple[str, str, str]]) -> None:
    lines = text_table(["x", "y", "z"], rows).split("\n")
    assert len(lines) == len(rows) + 2
    bars = [i for i, c in enumerate(lines[1]) if c == "+"]
    for row, line in zip(rows, lines[2:], strict=True):
        whole = line.ljust(len(lines[1]))
        assert [i for i, c in enumerate(whole) if c == "|"] == bars
        assert [part.strip() for part in whole.split("|")] == [cell.strip() for cell in row]


def test_numbers_are_short_and_a_missing_one_is_a_dash() -> None:
    assert [number(v) for v in (None, 0.0, 1e-9, 1234567.0, 0.65, -2.5)] == [
        "-",
        "0",
        "1e-09",
        "1.23457e+06",
        "0.65",
        "-2.5",
    ]

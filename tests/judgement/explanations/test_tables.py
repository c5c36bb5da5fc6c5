from components.judgement.explanations.measured import Measured
from components.judgement.explanations.tables import cohort_table, importance_table, moved_table, shift_table, tables


def test_every_feature_has_its_line_in_order(first: Measured) -> None:
    rows = importance_table(first.importance, first.explained.method).rows
    assert [r[1] for r in rows] == [first.importance.features[i] for i in first.importance.order]
    assert rows[0][0].startswith("1 (")
    assert "nan" not in str(rows)


def test_tables_of_the_shift_stand_only_with_a_champion(first: Measured, second: Measured) -> None:
    titles = {t.title for t in tables(first)}
    more = {t.title for t in tables(second)} - titles
    assert {"Importance", "Quality of the explanations", "Cohorts"} <= titles
    assert {"From the champion to this model", "Rows that moved most"} <= more


def test_a_feature_that_moved_has_its_reason_or_is_called_unexplained(second: Measured) -> None:
    assert second.shift is not None
    rows = shift_table(second.shift).rows
    reasons = {r[0]: r[-1] for r in rows}
    for feature in second.shift.features:
        assert reasons[feature] == second.shift.reasons.get(feature, "unexplained")
    parts = [float(r[4]) for r in rows]
    assert parts == sorted(parts, reverse=True)


def test_rows_are_called_by_their_ids(second: Measured) -> None:
    assert second.shift is not None
    rows = moved_table(second.shift, second.shift_rows).rows
    assert [r[0] for r in rows] == [second.shift_rows[i] for i in second.shift.farthest(5)]


def test_a_group_too_small_says_so(first: Measured) -> None:
    rows = {r[0]: r for r in cohort_table(first.cohorts, first.explained.features).rows}
    small = next(c for c in first.cohorts if c.gap.value is None)
    assert rows[small.name][1:] == (f"no data (n={small.gap.n})", small.reason)

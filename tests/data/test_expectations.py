from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.errors import ContractViolation, FairleadError
from components.core.row_rule import Rule
from components.core.use_case import Column, Data, load
from components.data.columns import schema
from components.data.expectations import BREACH, BUILT_IN, check, compile_rules
from tests.data.bad_input import BAD, DATA, FINE, Case, table


def told(breaches: pl.DataFrame) -> list[tuple[object, ...]]:
    return breaches.select("row", "rule", "column", "value").rows()


@pytest.mark.parametrize("case", BAD.values(), ids=BAD.keys())
def test_a_bad_row_is_told_with_rule_column_and_value(case: Case) -> None:
    change, expected = case
    checked = check(table({}, change, {}), DATA)
    assert sorted(told(checked.breaches)) == sorted((1, *breach) for breach in expected)
    assert checked.breaches["row_id"].unique().to_list() == ["#1" if "id" in change else "2"]
    assert checked.clean["id"].to_list() == [1, 3]
    assert checked.rows.to_list() == [0, 2]


@pytest.mark.parametrize("change", FINE.values(), ids=FINE.keys())
def test_a_fine_row_is_kept(change: dict[str, str | None]) -> None:
    checked = check(table({}, change), DATA)
    assert checked.breaches.is_empty()
    assert checked.breaches.schema == BREACH
    assert checked.clean.height == 2
    assert checked.clean.schema == schema(DATA)


def test_the_first_of_equal_ids_is_kept() -> None:
    checked = check(table({"id": "5"}, {}, {"id": "5.0"}, {"id": "5"}), DATA)
    assert told(checked.breaches) == [(2, "unique", "id", "5.0"), (3, "unique", "id", "5")]
    assert checked.breaches["row_id"].to_list() == ["5", "5"]
    assert checked.clean["id"].to_list() == [5, 2]


def test_ids_stay_unique_over_several_tables() -> None:
    first = check(table({}, {"code": "T"}), DATA)
    rows = pl.Series([2, 3])
    second = check(table({"id": "2"}, {"id": "9"}), DATA, rows, first.seen)
    assert told(second.breaches) == [(2, "unique", "id", "2")]
    assert second.rows.to_list() == [3]
    third = check(table({"id": "9"}), DATA, pl.Series([4]), second.seen)
    assert told(third.breaches) == [(4, "unique", "id", "9")]


def test_several_missing_ids_are_not_duplicates() -> None:
    checked = check(table({"id": None}, {"id": None}), DATA)
    assert told(checked.breaches) == [(0, "missing", "id", None), (1, "missing", "id", None)]


def test_columns_of_real_types_are_checked_like_text() -> None:
    frame = table({}, {"code": "T"}, {"amount": "2000"}).with_columns(
        pl.col("id").cast(pl.Int32),
        pl.col("approved").str.to_datetime("%Y-%m-%d"),
        pl.col("amount").cast(pl.Float64),
        pl.col("y").cast(pl.Float64),
        pl.col("code").cast(pl.Categorical),
    )
    assert told(check(frame, DATA).breaches) == [(1, "domain", "code", "T"), (2, "maximum", "amount", "2000")]


def test_a_column_of_the_wrong_type_puts_every_row_aside() -> None:
    frame = table({}, {}).with_columns(amount=pl.col("approved").str.to_date())
    checked = check(frame, DATA)
    assert told(checked.breaches) == [(0, "type", "amount", "2001-02-03"), (1, "type", "amount", "2001-02-03")]


def test_no_rows_make_no_breaches() -> None:
    checked = check(table({}).clear(), DATA)
    assert (checked.clean.height, checked.breaches.height) == (0, 0)


def test_missing_and_extra_columns_are_refused() -> None:
    with pytest.raises(ContractViolation, match="missing column 'y'; extra column 'z'"):
        check(table({}).rename({"y": "z"}), DATA)


def test_the_environment_cannot_switch_the_checks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pandera.config.CONFIG.validation_enabled", False)
    assert check(table({"code": "T"}), DATA).breaches.height == 1


@pytest.mark.parametrize(
    ("expect", "text"),
    [
        ("y = 1 OR", "unable to parse"),
        ("nobody > 1", 'unable to find column "nobody"'),
        ("approved > 'yesterday'", "cannot compare"),
        ("amount", "is not true or false for each row"),
        ("SUM(amount) > 1", "is not true or false for each row"),
        ("", "unable to parse"),
    ],
)
def test_a_rule_that_is_no_condition_is_named(expect: str, text: str) -> None:
    data = DATA.model_copy(update={"rules": (Rule(name="odd", column="y", expect=expect),)})
    with pytest.raises(FairleadError, match=text) as caught:
        check(table({}), data)
    assert "data.rules: 'odd'" in str(caught.value)
    assert repr(expect) in str(caught.value)


@pytest.mark.parametrize("names", [["unique"], ["a", "a"]])
def test_names_of_rules_are_their_own(names: list[str]) -> None:
    rules = tuple(Rule(name=name, column="y", expect="y = 1") for name in names)
    with pytest.raises(FairleadError, match="is taken"):
        compile_rules(DATA.model_copy(update={"rules": rules}))


def test_rules_compare_with_dates() -> None:
    rule = Rule(name="late", column="approved", expect="approved < DATE '2001-02-03'")
    checked = check(table({}, {"approved": "2001-02-02"}), DATA.model_copy(update={"rules": (rule,)}))
    assert told(checked.breaches) == [(0, "late", "approved", "2001-02-03")]


def test_a_column_with_a_last_day_of_its_own_may_go_beyond_the_day_the_table_was_drawn() -> None:
    planned = Column(kind="date", nullable=True, latest=date(2015, 1, 1))
    data = DATA.model_copy(update={"columns": {**DATA.columns, "charged_off": planned}})
    checked = check(table({"charged_off": "2015-01-01"}, {"charged_off": "2015-01-02"}), data)
    assert told(checked.breaches) == [(1, "latest", "charged_off", "2015-01-02")]


def test_the_rules_of_every_kind_of_column_have_their_names() -> None:
    found = {rule for _, breaches in BAD.values() for rule, _, _ in breaches} | {"unique"}
    assert found >= set(BUILT_IN)


@pytest.mark.parametrize("use_case", ["sba_loans"])
def test_the_rules_that_ship_are_conditions(use_case: str) -> None:
    data = load(use_case).data
    assert list(compile_rules(data)) == [r.name for r in data.rules]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=4), st.integers().map(str)), min_size=1, max_size=20))
def test_every_row_is_either_clean_or_told(values: list[str | None]) -> None:
    data = Data(
        source="a.csv",
        row_id="id",
        event_time="id",
        columns={"id": Column(kind="int", unique=True, minimum=0), "code": Column(kind="category", nullable=True)},
        quarantine_limit=1,
    )
    frame = pl.DataFrame({"id": values, "code": values}, schema={"id": pl.String, "code": pl.String})
    checked = check(frame, data)
    told_rows = checked.breaches["row"].unique().to_list()
    assert sorted([*checked.rows.to_list(), *told_rows]) == list(range(len(values)))
    assert checked.clean["id"].is_unique().all()
    assert (checked.clean["id"] >= 0).all()

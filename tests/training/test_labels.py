from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.core.errors import ContractViolation, FairleadError
from components.core.watching import Window
from components.training.labels import OWN, label_rows

AS_OF = date(2003, 12, 31)
COLUMNS = {"row_id": pl.Int64, "event_time": pl.Date, "outcome": pl.Int64, "outcome_time": pl.Date}


def filler(start=date(1999, 1, 1), days=600):
    """Mature rows, one a day, every third bad after a year."""
    return [
        (10_000 + i, day, int(i % 3 == 0), day + timedelta(days=365) if i % 3 == 0 else None)
        for i, day in enumerate(start + timedelta(days=d) for d in range(days))
    ]


EXPANDING = Window()

END = (1, date(2012, 12, 31), 0, None)
"""A late row: the table goes on long after the training date."""


@pytest.fixture
def label(sba, tmp_path):
    def run(rows, as_of=AS_OF, known_until=None, immature="exclude", window=EXPANDING):
        pl.DataFrame(rows, schema=COLUMNS, orient="row").write_parquet(tmp_path / "features.parquet")
        case = sba.model_copy(
            update={
                "data": sba.data.model_copy(update={"known_until": known_until}),
                "labels": sba.labels.model_copy(update={"immature": immature}),
                "training": sba.training.model_copy(update={"window": window}),
            }
        )
        report = label_rows(tmp_path / "features.parquet", case, as_of, tmp_path / "dataset.parquet")
        frame = pl.read_parquet(tmp_path / "dataset.parquet")
        return report, {r["row_id"]: r for r in frame.iter_rows(named=True)}

    return run


@pytest.mark.parametrize(
    ("event", "outcome", "when", "expected"),
    [
        pytest.param(date(2000, 3, 10), 1, date(2003, 3, 9), 1.0, id="bad the day before maturity"),
        pytest.param(date(2000, 3, 10), 1, date(2003, 3, 10), 1.0, id="bad on the day of maturity"),
        pytest.param(date(2000, 3, 10), 1, date(2003, 3, 11), 0.0, id="bad the day after maturity"),
        pytest.param(date(2000, 3, 10), 0, None, 0.0, id="never bad"),
        pytest.param(date(2000, 2, 29), 1, date(2003, 2, 28), 1.0, id="leap day matures on the 28th"),
        pytest.param(date(2000, 2, 29), 1, date(2003, 3, 1), 0.0, id="leap day does not last into March"),
        pytest.param(date(2000, 12, 31), 1, AS_OF, 1.0, id="bad on the training date itself"),
        pytest.param(date(2000, 3, 10), 1, date(2008, 1, 1), 0.0, id="bad long after maturity and training"),
        pytest.param(date(2001, 1, 1), 0, None, None, id="one day short of maturity"),
        pytest.param(date(2002, 6, 1), 1, date(2003, 6, 1), None, id="already bad but not mature"),
        pytest.param(date(2002, 6, 1), 1, date(2004, 6, 1), None, id="bad after the training date, not mature"),
        pytest.param(date(2004, 1, 1), 1, date(2006, 1, 1), 1.0, id="backtest, bad in hindsight"),
        pytest.param(date(2004, 12, 31), 0, None, 0.0, id="backtest's last day"),
        pytest.param(date(2005, 1, 1), 1, date(2005, 2, 1), None, id="after the backtest"),
    ],
)
def test_a_label(label, event, outcome, when, expected):
    _, rows = label([*filler(), END, (7, event, outcome, when)])
    assert rows.get(7, {"label": None})["label"] == expected
    assert expected is None or (rows[7]["split"] == "backtest") == (event > AS_OF)


def test_what_is_left_out_is_counted(label):
    waiting = [
        (2, date(2002, 1, 1), 0, None),
        (3, date(2002, 1, 1), 1, date(2003, 12, 31)),
        (4, date(2002, 1, 1), 1, date(2004, 1, 1)),
    ]
    report, rows = label([*filler(), *waiting, (5, date(2004, 5, 1), 0, None), END])
    assert (report.rows, report.mature, report.immature, report.immature_bad) == (605, 600, 3, 1)
    assert (report.later, report.backtest_immature, report.splits["backtest"].rows) == (1, 0, 1)
    assert set(rows) == {r[0] for r in filler()} | {5}
    assert sum(s.rows for s in report.splits.values()) == len(rows)
    assert sum(s.bad for s in report.splits.values()) == sum(r["label"] for r in rows.values()) == 200


def test_backtest_rows_whose_time_outlasts_the_table_are_dropped(label):
    late = [(2, date(2004, 2, 1), 0, None), (3, date(2004, 8, 1), 0, None)]
    report, rows = label([*filler(), *late, (4, date(2007, 3, 1), 0, None)])
    assert (2 in rows, 3 in rows, report.backtest_immature) == (True, False, 1)


def test_a_table_that_ends_before_the_training_date_knows_no_more_than_its_end(label):
    report, rows = label([*filler(), (2, date(2003, 10, 1), 0, None)], as_of=date(2020, 1, 1))
    assert report.known_until == date(2003, 10, 1)
    assert report.immature == 1
    assert 2 not in rows


def test_the_day_the_table_was_drawn_says_how_far_it_knows(label):
    """Its events end in 1999 and 2000, and it was drawn years after the last of them."""
    report, rows = label([*filler(), (2, date(2000, 10, 1), 0, None)], known_until=date(2003, 10, 1))
    assert (report.known_until, report.immature, rows[2]["label"]) == (date(2003, 10, 1), 0, 0.0)
    report, rows = label([*filler(), (2, date(2000, 10, 2), 0, None)], known_until=date(2003, 10, 1))
    assert (report.immature, 2 in rows) == (1, False)


@pytest.mark.parametrize("as_of", [AS_OF, date(2020, 1, 1)])
@pytest.mark.parametrize("known_until", [None, date(2006, 1, 1)])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
@given(
    events=st.lists(st.integers(0, 2500), min_size=1, max_size=20),
    wrong=st.integers(0, 19),
    wait=st.integers(1100, 400_000),
    outcome=st.integers(0, 1),
)
def test_one_wrong_outcome_date_changes_no_label_and_no_count(label, as_of, known_until, events, wrong, wait, outcome):
    """A date beyond maturity says nothing of its own row's label, and it must say nothing of any other row's."""
    rows = [(i, date(1999, 1, 1) + timedelta(days=d), 0, None) for i, d in enumerate(events)]
    rows.append((len(rows), date(2006, 1, 1), 0, None))
    row_id, event, _, _ = rows[wrong % len(rows)]
    planted = [*rows]
    planted[row_id] = (row_id, event, outcome, event + timedelta(days=wait))
    found, labels = label([*filler(), *planted], as_of, known_until)
    expected, honest = label([*filler(), *rows], as_of, known_until)
    assert found.model_copy(update={"immature_bad": 0}) == expected
    assert found.immature_bad <= outcome
    assert {i: (r["label"], r["split"]) for i, r in labels.items()} == {
        i: (r["label"], r["split"]) for i, r in honest.items()
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 1825), st.integers(1, 3000)), min_size=1, max_size=40))
def test_nothing_known_after_the_training_date_changes_a_mature_label(label, later_bad):
    start = date(1999, 1, 1)
    rows = [
        (i, start + timedelta(days=d), 1, start + timedelta(days=d + wait)) for i, (d, wait) in enumerate(later_bad)
    ]
    as_known = [(i, t, int(when <= AS_OF), when if when <= AS_OF else None) for i, t, _, when in rows]
    _, with_future = label([*filler(), *rows, END])
    _, without = label([*filler(), *as_known, END])
    past = {i for i, r in with_future.items() if r["split"] != "backtest"}
    assert past == {i for i, r in without.items() if r["split"] != "backtest"}
    assert {i: (with_future[i]["label"], with_future[i]["split"]) for i in past} == {
        i: (without[i]["label"], without[i]["split"]) for i in past
    }


def test_rows_come_in_order_of_time_whatever_order_they_arrive_in(label, tmp_path):
    label([*filler()[::-1], END])
    first = (tmp_path / "dataset.parquet").read_bytes()
    label([END, *filler()])
    assert (tmp_path / "dataset.parquet").read_bytes() == first
    assert pl.read_parquet(tmp_path / "dataset.parquet")["event_time"].is_sorted()


def test_a_training_date_before_the_first_mature_row_is_refused(label, tmp_path):
    with pytest.raises(FairleadError, match=r"no row is mature at 2000-01-01.*matures on 2002-01-01"):
        label([*filler(), END], as_of=date(2000, 1, 1))
    assert not (tmp_path / "dataset.parquet").exists()


def test_a_table_that_ends_too_early_is_told_how_to_say_how_far_it_knows(label):
    with pytest.raises(FairleadError, match=r"mature at 2003-12-31: the table knows .* up to 2000-08-22.*known_until"):
        label(filler())


def test_one_class_alone_is_refused(label, tmp_path):
    good = [(i, t, 0, None) for i, t, _, _ in filler()]
    with pytest.raises(FairleadError, match=r"split 'train' .* holds 0 bad of"):
        label([*good, END])
    assert not (tmp_path / "dataset.parquet").exists()


@pytest.mark.parametrize(
    "row",
    [
        pytest.param((77, date(2000, 1, 1), 1, None), id="bad without a date"),
        pytest.param((77, date(2000, 1, 1), None, None), id="no outcome"),
        pytest.param((77, None, 0, None), id="no event time"),
    ],
)
def test_rows_that_cannot_be_labelled_are_named(label, row):
    with pytest.raises(ContractViolation, match="for example row 77"):
        label([*filler(), row, END])


def test_an_empty_table_is_refused(label):
    with pytest.raises(FairleadError, match="no rows to label"):
        label([])


def test_a_missing_column_is_named(sba, tmp_path):
    pl.DataFrame({"row_id": [1], "event_time": [AS_OF]}).write_parquet(tmp_path / "features.parquet")
    with pytest.raises(ContractViolation, match="lacks column outcome, outcome_time"):
        label_rows(tmp_path / "features.parquet", sba, AS_OF, tmp_path / "dataset.parquet")


@pytest.mark.parametrize("name", OWN)
def test_an_input_of_a_name_that_labelling_needs_is_refused(sba, tmp_path, name):
    """It would be overwritten, and the model could learn from the label under the input's name."""
    frame = pl.DataFrame(filler(), schema=COLUMNS, orient="row").with_columns(pl.lit(1.0).alias(name))
    frame.write_parquet(tmp_path / "features.parquet")
    with pytest.raises(ContractViolation, match=f"has column {name}, a name that labelling needs"):
        label_rows(tmp_path / "features.parquet", sba, AS_OF, tmp_path / "dataset.parquet")


def test_mature_rows_weigh_one(label):
    _, rows = label([*filler(), (2, date(2004, 2, 1), 0, None), END])
    assert {r["weight"] for r in rows.values()} == {1.0}


STEADY = [(20_000 + i, *row[1:]) for i, row in enumerate(filler(date(2000, 8, 23), 1100))]
"""What goes on as the filler did, until long past the last row that is mature at the training date."""


def test_rows_whose_time_still_runs_take_part_when_they_are_weighed(label):
    rows = [*filler(), *STEADY, (5, date(2004, 5, 1), 0, None), END]
    left_out, _ = label(rows)
    report, found = label(rows, immature="weigh")
    assert (report.mature, report.immature, report.immature_bad) == (
        left_out.mature,
        left_out.immature,
        left_out.immature_bad,
    )
    assert (left_out.weighed, report.too_old) == (0, 0)
    assert 0 < report.weighed < report.immature  # of the newest ones too little is known
    assert sum(s.rows for n, s in report.splits.items() if n != "backtest") == report.mature + report.weighed
    past = [r for r in found.values() if r["split"] != "backtest"]
    assert max(r["event_time"] for r in past) > left_out.splits["test"].last_day
    assert sum(r["weight"] for r in past) == pytest.approx(len(past))
    assert {r["weight"] for r in past if r["event_time"] <= date(2000, 12, 31)} == {1.0}
    assert found[5]["weight"] == 1.0


def test_the_report_tells_the_bad_rows_to_be_expected_beside_the_known_ones(label):
    delays = [30 + 37 * i % 1000 for i in range(1800)]
    days = [date(1999, 1, 1) + timedelta(days=i) for i in range(1800)]
    rows = [
        (i, day, int(i % 3 == 0), day + timedelta(days=wait) if i % 3 == 0 else None)
        for i, (day, wait) in enumerate(zip(days, delays, strict=True))
    ]
    report, found = label([*rows, END], immature="weigh")
    for name, split in report.splits.items():
        rows = [r for r in found.values() if r["split"] == name]
        assert split.bad == sum(r["label"] for r in rows)
        assert split.expected_bad == pytest.approx(sum(r["label"] * r["weight"] for r in rows))
    test = report.splits["test"]
    # Every third row turns bad within three years, most of the newest ones only after the training date.
    assert test.bad < 0.25 * test.rows
    assert test.expected_bad / test.rows == pytest.approx(1 / 3, abs=0.08)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 1825), st.integers(1, 3000)), min_size=1, max_size=40))
def test_nothing_known_after_the_training_date_changes_a_weight(label, later_bad):
    start = date(1999, 1, 1)
    rows = [
        (i, start + timedelta(days=d), 1, start + timedelta(days=d + wait)) for i, (d, wait) in enumerate(later_bad)
    ]
    as_known = [(i, t, int(when <= AS_OF), when if when <= AS_OF else None) for i, t, _, when in rows]
    _, with_future = label([*filler(), *STEADY, *rows, END], immature="weigh")
    _, without = label([*filler(), *STEADY, *as_known, END], immature="weigh")
    past = {i: r for i, r in with_future.items() if r["split"] != "backtest"}
    kept = ("label", "weight", "split")
    assert {i: [r[k] for k in kept] for i, r in past.items()} == {
        i: [r[k] for k in kept] for i, r in without.items() if r["split"] != "backtest"
    }


def test_a_sliding_window_leaves_old_rows_out_and_says_how_many(label):
    rows = [*filler(), END]
    report, found = label(rows, window=Window(policy="sliding", months=54))
    first = date(1999, 6, 30)  # 54 months before the training date; the day itself is outside
    kept = {r[0] for r in filler() if r[1] > first}
    assert {i for i, r in found.items() if r["split"] != "backtest"} == kept
    assert (report.mature, report.too_old) == (600, 600 - len(kept))
    assert report.splits["train"].first_day == first + timedelta(days=1)


def test_a_sliding_window_may_hold_only_rows_whose_time_still_runs(label):
    report, found = label([*filler(), *STEADY, END], immature="weigh", window=Window(policy="sliding", months=36))
    assert min(r["event_time"] for r in found.values()) == date(2001, 1, 1)
    assert sum(s.rows for s in report.splits.values()) == report.mature + report.weighed - report.too_old


def test_a_sliding_window_without_a_row_is_refused(label, tmp_path):
    with pytest.raises(
        FairleadError, match=r"sliding 12 months before 2003-12-31 holds none of the 600 rows .*2000-08"
    ):
        label([*filler(), END], window=Window(policy="sliding", months=12))
    assert not (tmp_path / "dataset.parquet").exists()


def test_a_decaying_window_leaves_no_row_out(label):
    rows = [*filler(), END]
    report, found = label(rows, window=Window(policy="decaying", months=12))
    assert report.too_old == 0
    assert found == label(rows)[1]


def test_rows_of_a_table_without_a_course_of_time_are_split_by_a_shuffle(card, tmp_path):
    day, late = date(2005, 10, 1), date(2005, 10, 31)
    rows = [(i, day, int(i % 4 == 0), late if i % 4 == 0 else None) for i in range(400)]
    pl.DataFrame(rows, schema=COLUMNS, orient="row").write_parquet(tmp_path / "features.parquet")
    report = label_rows(tmp_path / "features.parquet", card, card.as_of, tmp_path / "dataset.parquet")
    frame = pl.read_parquet(tmp_path / "dataset.parquet")
    assert [report.splits[name].rows for name in ("train", "calibration", "test", "backtest")] == [
        *(frame.filter(pl.col("split") == name).height for name in ("train", "calibration", "test")),
        0,
    ]
    assert frame.filter(pl.col("split") == "test").height == pytest.approx(80, abs=25)
    assert frame["row_id"].to_list() != sorted(frame["row_id"])
    turned = pl.read_parquet(tmp_path / "features.parquet").reverse()
    turned.write_parquet(tmp_path / "turned.parquet")
    label_rows(tmp_path / "turned.parquet", card, card.as_of, tmp_path / "again.parquet")
    assert pl.read_parquet(tmp_path / "again.parquet").equals(frame)

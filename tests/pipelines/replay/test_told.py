"""What a replay has shown, from a small record made by hand: cohorts, what was said in time, promises kept or not."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from components.core.contracts import Estimate
from components.monitoring.values import Call
from components.registry.registry import Registry
from components.serving.records import Recorder
from components.serving.scored import ScoredBatch
from components.serving.sinks.sqlite import SqliteSink
from pipelines.replay.compared import losses
from pipelines.replay.told import EARLY_MONTHS, foretold, promised, scored, told
from pipelines.replay.values import Compared, Control, EstimateError, Moment
from tests.pipelines.replay.recorded import NOTHING, about
from tests.registry.conftest import empty_store, register, settings, smoke, variant
from tests.retraining.found import cohort, findings

__all__ = ["empty_store", "register", "settings", "smoke", "variant"]

WAYS = ("fairlead", "frozen", "yearly", "yearly_early", "oracle")
FIRST, LAST = date(2009, 1, 1), date(2009, 9, 30)
QUARTERS = (date(2009, 3, 31), date(2009, 6, 30), date(2009, 9, 30))
LATER = [q.replace(year=q.year + EARLY_MONTHS // 12) for q in QUARTERS]
"""When it is told what early labels say of each quarter."""

CONTROL = Control(looks=36, rows=48_000, alarms=(), retrains=0)


def loss(value: float) -> Estimate:
    return about(value, 0.01, 100)


def at(last: date, version: str = "all", group: str = "all", **ways: Estimate):
    """The words of a look on one cohort, by its last day."""
    made = cohort(last, version, group, **ways)
    return made.model_copy(
        update={"cohort": made.cohort.model_copy(update={"first": last.replace(day=1, month=last.month - 2)})}
    )


LOOKS = [
    findings(
        performance=[
            at(QUARTERS[0], "1", estimated=loss(0.9)),
            at(QUARTERS[0], group="NewExist=1", estimated=loss(0.8)),
            at(QUARTERS[0], estimated=loss(0.3)),
        ],
        now=QUARTERS[0],
    ),
    # Of the second cohort nothing is said at its end, and more of the first one, too late.
    findings(performance=[at(QUARTERS[0], estimated=loss(0.7))], now=QUARTERS[1]),
    findings(performance=[at(QUARTERS[2], estimated=loss(0.4))], now=QUARTERS[2]),
    findings(performance=[at(q, early=loss(e)) for q, e in zip(QUARTERS, (0.35, 0.5, 0.6), strict=True)], now=LATER[0]),
    # No look when it is the second one's turn; that of the third's has nothing to say of the third any more.
    findings(performance=[at(QUARTERS[1], early=loss(0.55))], now=LATER[2]),
]


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    """Ninety loans of three quarters, one each third day, with the scores of all ways."""
    rng = np.random.default_rng(1)
    days = [FIRST + timedelta(days=3 * i) for i in range(90)]
    return pl.DataFrame(
        {
            "row_id": [str(i) for i in range(90)],
            "event_time": days,
            "label": (rng.uniform(size=90) < 0.3).astype(float),
            "matures": [day + timedelta(days=1096) for day in days],
            "version": ["1" if i < 35 else "2" for i in range(90)],
            **{way: rng.uniform(0.05, 0.6, 90) for way in WAYS},
        }
    )


def lived(sba, settings, **changes):
    """What a loop leaves behind of itself."""
    left = {
        "use_case": sba,
        "settings": settings,
        "last": LAST,
        "loans": 90,
        "findings": LOOKS,
        "moments": [],
        "feed": SimpleNamespace(requests=93, failed=3),
    }
    return SimpleNamespace(**{**left, **changes})


@pytest.fixture
def record(sba, settings, rows):
    return told(lived(sba, settings), rows, CONTROL, FIRST, {"all": 12.5})


def test_cohorts_are_the_quarters_with_their_loans(record, rows) -> None:
    assert [(c.first, c.last) for c in record.cohorts] == [(q.replace(day=1, month=q.month - 2), q) for q in QUARTERS]
    for c in record.cohorts:
        part = rows.filter(pl.col("event_time").is_between(c.first, c.last))
        assert c.rows == len(part)
        assert c.bad_rate == pytest.approx(part["label"].mean())
        for way in WAYS:
            assert c.loss[way].value == pytest.approx(losses(part[way].to_numpy(), part["label"].to_numpy()).mean())
    assert [c.version for c in record.cohorts] == ["1", "2", "2"]
    assert sum(c.rows for c in record.cohorts) == record.rows == 90


def test_of_a_cohort_stands_what_was_said_in_time_of_what_clients_got(record) -> None:
    assert [c.estimated.value for c in record.cohorts] == [0.3, None, 0.4]
    # In time of the first; of the second there was no look then, and the look of the third's turn is silent on it.
    assert [c.early.value for c in record.cohorts] == [0.35, None, None]


def test_the_means_are_those_of_all_loans_and_ours_is_paired_with_itself(record, rows) -> None:
    by_way = {c.way: c for c in record.compared}
    assert list(by_way) == list(WAYS)
    for way in WAYS:
        assert by_way[way].loss.value == pytest.approx(losses(rows[way].to_numpy(), rows["label"].to_numpy()).mean())
    assert by_way["fairlead"].better_by.value == 0.0
    assert (record.requests, record.failed, record.looks, record.seconds) == (93, 3, 5, {"all": 12.5})
    assert [look["now"] for look in record.details["looks"]] == [f.now.isoformat() for f in LOOKS]


def test_errors_of_estimates_are_over_the_cohorts_that_had_one(record) -> None:
    pairs = [(c.estimated.value, c.loss["fairlead"].value) for c in record.cohorts if c.estimated.value is not None]
    found = record.estimate_error
    assert found.cohorts == len(pairs) == 2
    assert found.mean_error == pytest.approx(np.mean([a - b for a, b in pairs]))
    assert found.mean_absolute_error == pytest.approx(np.mean([abs(a - b) for a, b in pairs]))
    # Two cohorts tell no correlation.
    assert found.correlation.value is None


def test_without_looks_nothing_was_said(sba, settings, rows) -> None:
    found = told(lived(sba, settings, findings=[]), rows, CONTROL, FIRST, {})
    assert {c.estimated.value for c in found.cohorts} == {c.early.value for c in found.cohorts} == {None}
    assert found.estimate_error == EstimateError(
        cohorts=0, correlation=NOTHING, mean_absolute_error=None, mean_error=None, broken_since=None
    )


def test_correlation_follows_what_came_true(sba, settings) -> None:
    """Eight quarters whose estimate is 0.9 of what came true, and one with nothing told."""
    firsts = [date(2009 + i // 4, 1 + 3 * (i % 4), 1) for i in range(9)]
    ends = [pl.Series([day]).dt.offset_by("3mo").dt.offset_by("-1d").item() for day in firsts]
    p = [0.1 + 0.05 * i for i in range(9) for _ in range(4)]
    frame = pl.DataFrame(
        {
            "row_id": [str(i) for i in range(36)],
            "event_time": [day for day in firsts for _ in range(4)],
            "matures": [date(2020, 1, 1)] * 36,
            "label": [1.0, 0.0, 0.0, 0.0] * 9,
            "version": ["1"] * 36,
            **dict.fromkeys(WAYS, p),
        }
    )
    true = losses(np.array(p), frame["label"].to_numpy()).reshape(9, 4).mean(axis=1)
    looks = [
        findings(performance=[at(e, estimated=loss(0.9 * t))], now=e) for e, t in zip(ends[:8], true, strict=False)
    ]
    found = told(lived(sba, settings, findings=looks, loans=36), frame, CONTROL, FIRST, {}).estimate_error
    assert found.cohorts == found.correlation.n == 8
    assert found.correlation.value == pytest.approx(1.0)
    assert found.mean_error == pytest.approx(-0.1 * true[:8].mean())
    assert found.broken_since is None


@pytest.mark.parametrize(
    ("name", "subject", "broken"),
    [
        ("estimate_broken", "log_loss", True),
        ("loss", "bad outcomes", True),
        ("loss", "log_loss", False),
        ("estimated_loss", "log_loss", False),
    ],
)
def test_estimates_are_broken_once_a_look_has_said_so_of_them_or_of_what_they_rest_on(
    sba, settings, rows, name: str, subject: str, broken: bool
) -> None:
    call = Call(name=name, subject=subject, severity="amber", value=0.4, threshold=0.15, summary="as an example")
    looks = [LOOKS[0], *(look.model_copy(update={"calls": (call,)}) for look in LOOKS[1:])]
    found = told(lived(sba, settings, findings=looks), rows, CONTROL, FIRST, {}).estimate_error
    assert found.broken_since == (LOOKS[1].now if broken else None)


def compared(**better_by: float) -> list[Compared]:
    """Comparisons in which the lower end for each way is given."""
    given = {"frozen": 0.1, "yearly": 0.1, "yearly_early": 0.01, "oracle": -0.2, **better_by}
    ends = {way: about(low + 0.05, 0.05) for way, low in given.items()}
    return [Compared(way=way, loss=loss(0.3), better_by=e, better_by_runs=e) for way, e in ends.items()]


RED = Moment(day=date(2005, 12, 31), kind="alarm", severity="red", text="drift", name="drift")
FLAGGED = EstimateError(cohorts=9, correlation=NOTHING, mean_absolute_error=0.1, mean_error=0.1, broken_since=FIRST)
ALL = {"comparisons": compared(), "moments": [RED], "control": CONTROL, "errors": FLAGGED, "whole": True, "foretold": 0}

MISSED = [
    ("a red alarm before", {"moments": []}),
    ("a red alarm before", {"moments": [RED.model_copy(update={"day": date(2006, 1, 1)})]}),
    ("a red alarm before", {"moments": [RED.model_copy(update={"severity": "amber"})]}),
    ("a red alarm before", {"moments": [RED.model_copy(update={"kind": "stopped"})]}),
    ("no alarm in a world", {"control": CONTROL.model_copy(update={"alarms": (RED,)})}),
    ("no alarm in a world", {"control": CONTROL.model_copy(update={"looks": 0})}),
    ("better than the frozen", {"comparisons": compared(frozen=0.0)}),
    ("better than yearly retraining,", {"comparisons": compared(yearly=-0.01)}),
    ("better than yearly retraining on early", {"comparisons": compared(yearly_early=-0.001)}),
    ("estimates without labels", {"errors": FLAGGED.model_copy(update={"broken_since": None})}),
    ("every loan answered once", {"whole": False}),
    ("no loan answered by a model that", {"foretold": 1}),
]


def test_all_promises_can_be_kept() -> None:
    found = promised(**ALL)
    assert len(found) == len({name for name, _ in MISSED})
    assert all(found.values())


@pytest.mark.parametrize(("promise", "change"), MISSED)
def test_each_promise_can_be_missed_and_no_other_with_it(promise: str, change: dict) -> None:
    found = promised(**{**ALL, **change})
    missed = [name for name, kept in found.items() if not kept]
    assert len(missed) == 1
    assert missed[0].startswith(promise)


def test_a_model_that_knew_its_loans_is_counted(rows) -> None:
    trained = {"1": date(2008, 12, 31), "2": date(2009, 3, 31)}
    assert foretold(rows, trained) == 0
    # The loan of its own training date counts, and so does each one of a version that nobody knows.
    day = rows["event_time"][35]
    assert foretold(rows, {**trained, "2": day}) == 1
    assert foretold(rows, {**trained, "2": day - timedelta(days=1)}) == 0
    assert foretold(rows, {"1": trained["1"]}) == 55


def test_training_dates_come_from_the_registry_and_lost_or_doubled_loans_are_told(
    sba, settings, rows, register, variant
) -> None:
    version = register(variant("one"))
    assert Registry(settings).versions("sba_loans")[0].contract.as_of == "2008-12-31"
    ours = rows.with_columns(version=pl.lit(str(version.version)))
    name, whole = "no loan answered by a model that was trained on its day or later", "every loan answered once"

    def found(frame: pl.DataFrame, loans: int) -> dict[str, bool]:
        return dict(told(lived(sba, settings, loans=loans), frame, CONTROL, FIRST, {}).promises)

    assert found(ours, 90)[name]
    assert found(ours, 90)[whole]
    assert not found(ours.with_columns(pl.col("event_time").dt.offset_by("-1mo")), 90)[name]
    assert not found(ours, 91)[whole]
    assert not found(pl.concat([ours[:-1], ours[:1]]), 90)[whole]


def test_loans_without_a_settled_outcome_are_counted(sba, settings, rows) -> None:
    late = rows.with_columns(
        matures=pl.when(pl.int_range(pl.len()) < 7).then(sba.data.known_until).otherwise(date(2014, 8, 30))
    )
    assert told(lived(sba, settings), late, CONTROL, FIRST, {}).immature == 83


def test_scores_lie_side_by_side_by_loan(rows, tmp_path) -> None:
    """From a log as servers write it, requests of several rows, and the file of the other ways."""
    ways = rows.select("row_id", *WAYS[1:]).sample(fraction=1.0, shuffle=True, seed=1)
    ways.write_parquet(tmp_path / "ways.parquet")
    fields, days = (), datetime(2009, 1, 1, tzinfo=UTC).timestamp()
    sink = SqliteSink(tmp_path / "log.db")
    for i in range(0, 90, 30):
        part = rows[i : i + 30]
        batch = ScoredBatch(
            at=days + i,
            request_ids=[f"r{i}"] * 30,
            row_numbers=list(range(30)),
            columns={},
            probability=part["fairlead"].to_numpy(),
            decision=np.zeros(30, np.int64),
            latency_ms=[1.0] * 30,
        )
        sink.write(Recorder("sba_loans", str(i), "stable", fields).records([batch]))
    sink.close()
    sent = rows.select(
        "row_id", request_id=pl.format("r{}", pl.int_range(pl.len()) // 30 * 30), row=pl.int_range(pl.len()) % 30
    )
    world = SimpleNamespace(rows=rows.select("row_id", "event_time", "label", "matures"))
    found = scored(
        SimpleNamespace(feed=SimpleNamespace(sent=sent), world=world), tmp_path / "log.db", tmp_path / "ways.parquet"
    )
    assert found.sort("event_time").select(rows.drop("version").columns).equals(rows.drop("version"))
    assert found.sort("event_time")["version"].to_list() == [str(i // 30 * 30) for i in range(90)]

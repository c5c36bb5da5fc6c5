"""The loop: it lives day by day, and nothing that happens or becomes known later changes what it finds or decides."""

import json
from datetime import date
from pathlib import Path
from shutil import copytree

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from components.core.judging import CHECKS
from components.core.use_case import load
from components.core.watching import Retraining, Threshold, Window
from components.monitoring.joined import Joined
from components.monitoring.watched import watch
from components.registry import approvals
from components.registry.registry import Registry
from components.registry.version import Version
from components.retraining import backtest
from components.retraining.backtest import choose_window
from components.retraining.bookkeeping import labels_between
from components.retraining.memory_runner import MemoryRunner
from components.retraining.values import Progress
from components.training import integrity, signing
from components.training.bundle import Bundle
from components.training.labels import label_rows
from pipelines.replay.feed import Feed
from pipelines.replay.loop import Loop, by_metrics_alone
from pipelines.replay.world import World
from pipelines.retraining_runs import trigger_of
from pipelines.rollout_around import predictions_of
from tests.monitoring.served import judged_bundle, loans, serve, watched_by
from tests.pipelines.replay.scrambled import another_future
from tests.registry.conftest import empty_store, register, settings, smoke

__all__ = ["empty_store", "judged_bundle", "loans", "register", "settings", "smoke"]

AS_OF = date(2008, 12, 31)
FIRST, LAST = date(2009, 1, 1), date(2009, 6, 30)
QUARTERS = [date(2009, 3, 31), LAST]


def test_the_other_future_is_another_one_and_the_past_is_the_same(loans: pl.DataFrame) -> None:
    """What the tests below rest on."""
    now = date(2007, 6, 30)
    other = another_future(loans, now)
    before, after = (f.filter(pl.col("event_time") <= now) for f in (loans, other))
    known = (pl.col("outcome") == 1) & (pl.col("outcome_time") <= now)
    assert before.filter(known).equals(after.filter(known).select(before.columns).cast(before.schema))
    assert before.drop("outcome", "outcome_time").equals(after.drop("outcome", "outcome_time"))
    later = after.filter(~known.fill_null(value=False))
    assert later.filter(pl.col("outcome") == 1)["outcome_time"].min() > now
    assert (
        later["outcome"].to_numpy() != before.filter(~known.fill_null(value=False))["outcome"].to_numpy()
    ).mean() > 0.3


@pytest.mark.parametrize("immature", ["exclude", "weigh"])
@pytest.mark.parametrize("now", [date(2005, 3, 31), date(2008, 6, 30)])
def test_what_a_run_learns_from_does_not_depend_on_the_future(sba, loans, tmp_path, immature: str, now: date) -> None:
    case = sba.model_copy(
        update={
            "labels": sba.labels.model_copy(update={"immature": immature}),
            "training": sba.training.model_copy(update={"window": Window(policy="sliding", months=72)}),
        }
    )
    found = []
    for i, table in enumerate((loans, another_future(loans, now))):
        table.write_parquet(tmp_path / f"{i}.parquet")
        label_rows(tmp_path / f"{i}.parquet", case, now, tmp_path / f"{i}-dataset.parquet")
        dataset = pl.read_parquet(tmp_path / f"{i}-dataset.parquet").filter(pl.col("split") != "backtest")
        # The outcome of hindsight is in the table still; training reads the label.
        found.append(dataset.drop("outcome", "outcome_time"))
    assert len(found[0]) > 1000
    assert found[0].equals(found[1])


@pytest.mark.parametrize("now", [AS_OF, date(2009, 9, 30)])
def test_what_a_model_is_watched_with_does_not_depend_on_the_future(
    sba, judged_bundle, session_settings, loans, tmp_path, now: date
) -> None:
    """Also of one that has learned from loans whose time still ran."""
    changed = _changed(judged_bundle, tmp_path / "young", session_settings, trained_until="2008-09-30")
    bundle, tables = Bundle.open(changed), (loans, another_future(loans, now))
    one, other = (watch(sba, bundle, "1", table) for table in tables)
    assert one.reference["event_time"].max() > date(2008, 9, 1)
    assert (one.reference["weight"].drop_nulls() != 1.0).any()
    assert_frame_equal(one.reference, other.reference)
    assert_frame_equal(one.history, other.history)
    assert (one.grown, one.importance, one.expected_loss) == (other.grown, other.importance, other.expected_loss)


def test_the_window_is_chosen_by_what_is_known(sba, loans, tmp_path, monkeypatch) -> None:
    """A backtest knows of outcomes what the day knows, and of rows after the day nothing."""
    monkeypatch.setattr(backtest, "DAYS", 1)
    now, windows = date(2006, 12, 31), (Window(policy="sliding", months=60), Window())
    found = []
    for i, table in enumerate((loans, another_future(loans, now))):
        table.write_parquet(tmp_path / f"{i}.parquet")
        found.append(choose_window(tmp_path / f"{i}.parquet", sba, now, windows, "logistic"))
    assert found[0] == found[1]
    assert [row.log_loss is not None for row in found[0].table] == [True, True]


@examples(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(since=st.dates(date(1999, 1, 1), date(2009, 1, 1)), days=st.integers(1, 900), seed=st.integers(0, 9))
def test_labels_are_counted_when_they_become_known(loans, sba, since: date, days: int, seed: int) -> None:
    now = date.fromordinal(since.toordinal() + days)
    counts = [labels_between(t, 36, since, now) for t in (loans, another_future(loans, now, seed))]
    assert counts[0] == counts[1]
    # As many as the world tells first in that time: a late charge-off is a correction.
    world = World(sba, loans)
    told = world.told(date(1990, 1, 1), now).sort("known_at").unique("row_id", keep="first")
    assert counts[0] == len(told.filter(pl.col("known_at").dt.date() > since))


class Served:
    """A feed whose server is the bundle itself: it writes what it is sent into the log, as one that serves would."""

    def __init__(self, bundle: Bundle, log: Path, version: str = "1") -> None:
        self.bundle, self.log, self.version = bundle, log, version
        self._feed = Feed("http://127.0.0.1:9/unused", (), (), log)

    def send(self, part: pl.DataFrame) -> None:
        if part.is_empty():
            return
        serve(self.bundle, part, self.log, version=self.version)
        names = part.select("row_id", request_id="row_id", row=pl.lit(0, pl.Int64))
        self._feed._sent.append(names)

    def tell(self, outcomes: pl.DataFrame) -> int:
        return self._feed.tell(outcomes)

    @property
    def sent(self) -> pl.DataFrame:
        return self._feed.sent


LEVELS = {test: Threshold(amber=0.1, red=0.2) for test in ("ks", "psi", "chi_square", "jensen_shannon")}


@pytest.fixture
def case(sba):
    """Windows long enough for every seventh loan; drift calls for a run as soon as it may."""
    drift = {"thresholds": LEVELS, "multivariate": (), "minimum_rows": 20}
    watched = watched_by(sba, window_days=365, cohort_months=3, raise_after=1, drift=drift, metrics=("log_loss",))
    policy = Retraining(triggers=("drift",), pressure=0.1, minimum_new_labels=1, cool_down_days=60, most_per_year=9)
    training = sba.training.model_copy(update={"segments": ()})
    return watched.model_copy(update={"retraining": policy, "training": training})


@pytest.fixture
def reigning(settings, register, judged_bundle):
    """Settings of a home in which the judged bundle reigns as version 1."""
    made = register(judged_bundle)
    asked = Registry(settings).request("sba_loans", made.version)
    approvals.approve(settings, asked.id, "the first one")
    return settings, Registry(settings).promote("sba_loans", made.version, asked.id)


def loop_of(settings, champion, case, table: pl.DataFrame, bundle: Path, folder: Path, runner: MemoryRunner) -> Loop:
    folder.mkdir()
    table.write_parquet(folder / "features.parquet")
    ours = settings.model_copy(update={"home": folder})
    feed = Served(Bundle.open(bundle), predictions_of(ours))
    made = Loop(ours, case, World(case, table), folder / "features.parquet", feed, champion, LAST, lambda _: None)
    made._trigger = trigger_of(ours, runner)
    return made


def never() -> MemoryRunner:
    return MemoryRunner(train=lambda _: Progress(state="stopped", reason="stopped by auc_floor\nand its table"))


def _lived_through(lived: Loop, champion: Version, came: pl.DataFrame) -> None:
    """Serve, tell, look, decide; a run that a gate stops changes nothing; no run is started on the last day."""
    assert lived.loans == len(came) == len(lived.feed.sent)
    assert [f.now for f in lived.findings] == QUARTERS
    assert [f.version for f in lived.findings] == ["1"] * 2
    assert {m.day for m in lived.moments if m.kind == "alarm"} <= set(QUARTERS)
    assert any(m.kind == "alarm" for m in lived.moments)
    told = [(m.day, m.kind) for m in lived.moments if m.kind in ("retrain", "stopped", "promoted")]
    # Three months after the training date it is trained anew, in vain; on the last day nobody would come any more.
    assert told == [(QUARTERS[0], "retrain"), (QUARTERS[0], "stopped")]
    assert lived.champion == champion
    assert set(lived.clock.seconds) >= {"serving", "joining", "looking", "deciding", "training and rolling out"}


def _knew_nothing_early(lived: Loop, came: pl.DataFrame) -> None:
    """Of each day the log and its outcomes say what the table says was so on that day."""
    log = predictions_of(lived.settings)
    joined = Joined(log, log, lived.use_case, lived.champion.contract.inputs)
    for now in QUARTERS:
        rows = joined.at(now)
        until = came.filter(pl.col("event_time") <= now)
        assert sorted(rows["request_id"]) == sorted(until["row_id"].cast(pl.String))
        bad = until.filter((pl.col("outcome") == 1) & (pl.col("outcome_time") <= now))
        assert sorted(rows.filter(pl.col("outcome") == 1)["request_id"]) == sorted(bad["row_id"].cast(pl.String))


def test_two_futures_are_the_same_until_they_part(reigning, case, loans, judged_bundle, tmp_path) -> None:
    """The central promise: findings, alarms and decisions up to a day are the same, whatever comes after it."""
    settings, champion = reigning
    now = QUARTERS[0]
    tables = loans, another_future(loans, now)
    lived = [
        loop_of(settings, champion, case, table, judged_bundle, tmp_path / name, never())
        for name, table in zip(("a", "b"), tables, strict=True)
    ]
    for each in lived:
        each.run(FIRST)
    came = loans.filter(pl.col("event_time").is_between(FIRST, LAST))
    _lived_through(lived[0], champion, came)
    _knew_nothing_early(lived[0], came)
    one, other = ([f.model_dump_json() for f in each.findings] for each in lived)
    assert [json.loads(f)["now"] for f in one] == [q.isoformat() for q in QUARTERS]
    assert one[0] == other[0]
    assert one[1] != other[1]
    early = [[m for m in each.moments if m.day <= now] for each in lived]
    assert early[0] == early[1] != []


def test_a_new_champion_is_watched_from_then_on(reigning, case, loans, judged_bundle, tmp_path, register) -> None:
    """A run that is promoted on a day: the next look is at the new version, and its training date is that day."""
    settings, champion = reigning
    bundle = _changed(judged_bundle, tmp_path / "new", settings, as_of=QUARTERS[0].isoformat())

    report = tmp_path / "smoke-of-new.json"
    report.write_text(json.dumps({"rows": 1000, "version": Bundle.open(bundle).version()}))

    def train(_):
        version = register(bundle, smoke=report)
        asked = Registry(settings).request("sba_loans", version.version)
        approvals.approve(settings, asked.id, "as an example")
        Registry(settings).promote("sba_loans", version.version, asked.id)
        return Progress(state="registered", version=str(version.version))

    lived = loop_of(settings, champion, case, loans, judged_bundle, tmp_path / "a", MemoryRunner(train=train))
    lived.run(FIRST)
    assert [f.version for f in lived.findings] == ["1", "2"]
    assert [(m.kind, m.version) for m in lived.moments if m.kind in ("retrain", "promoted")] == [
        ("retrain", "1"),
        ("promoted", "2"),
    ]
    assert lived.champion.version == 2


def _changed(bundle: Path, target: Path, settings, **contract: str) -> Path:
    """The same model, as though it had been trained on another day or on other rows."""
    copytree(bundle, target)
    known = json.loads((target / "contract.json").read_text(encoding="utf-8"))
    (target / "contract.json").write_text(json.dumps({**known, **contract}))
    card = json.loads((target / "model_card.json").read_text(encoding="utf-8"))
    (target / "model_card.json").write_text(json.dumps({**card, "contract": {**card["contract"], **contract}}))
    (target / "model.sig").unlink()
    (target / "checksums.json").write_text(json.dumps(integrity.checksums(target)))
    signing.sign(target, settings.signing_key)
    return target


def test_runs_of_the_replay_train_the_use_case_as_it_is_and_leave_the_checks_out(sba, tmp_path) -> None:
    written = load(str(by_metrics_alone(sba, tmp_path / "use_case.yaml")))
    assert set(written.judgement.omit) == set(CHECKS)
    whole = written.model_copy(update={"judgement": sba.judgement})
    assert whole == sba

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components.core.contracts import Estimate, SliceMetrics
from components.core.errors import GateFailed, IntegrityError
from components.core.gating import Floor
from components.core.use_case import UseCase
from components.judgement.gates import require
from components.judgement.leakage_report import Finding, LeakageReport
from components.judgement.verdict import Measured, Verdict, reach_verdict, read_measured
from components.registry.champion import NO_SCORES
from components.training.dataset import read_scored
from components.training.evaluate import AllMetrics

SAFE = Finding(column="Zip", check="order", value=0.5, threshold=0.85, n=900, leaks=False, excluded=False)
MEASURED = Measured(
    metrics=(
        SliceMetrics(dataset="test", slice="all", metrics={"auc": Estimate(value=0.7, low=0.65, high=0.75, n=1920)}),
    ),
    leakage=LeakageReport(rows=1000, sampled=900, findings=(SAFE,)),
    latency_p95_ms=Estimate(value=3.0, n=200),
    parity_max_abs=Estimate(value=1e-8, n=10_000),
)


@pytest.fixture(scope="session")
def case(sba: UseCase) -> UseCase:
    """The use case with one floor, which is passed, and few rounds."""
    floors = (Floor(gate="auc_floor", metric="auc", bound="low", minimum=0.6),)
    return sba.model_copy(
        update={
            "gates": sba.gates.model_copy(update={"floors": floors}),
            "training": sba.training.model_copy(update={"bootstrap_rounds": 60}),
        }
    )


@pytest.fixture
def reach(case, signed_bundle, small_dataset, predictions, tmp_path):
    """Reach a verdict beside a champion that gives these probabilities; None: there is none."""

    def call(champion: pl.DataFrame | None, measured: Measured = MEASURED, dataset: Path = small_dataset) -> Verdict:
        path = tmp_path / "champion.parquet"
        (NO_SCORES if champion is None else champion).write_parquet(path)
        return reach_verdict(case, signed_bundle, dataset, predictions, path, measured)

    return call


def gate(verdict: Verdict, name: str):
    (found,) = [g for g in verdict.gates if g.gate == name]
    return found


def scores(predictions, **probability) -> pl.DataFrame:
    return pl.read_parquet(predictions).select("row_id", **probability)


def test_a_first_model_is_judged_without_a_comparison(reach, case):
    verdict = reach(None)
    assert verdict.comparison is None
    assert (gate(verdict, "champion").verdict, gate(verdict, "champion").reason) == (
        "pass",
        "first model: nothing to beat",
    )
    assert {"auc_floor", "latency", "parity", "leakage"} <= {g.gate for g in verdict.gates}
    assert {b.name for b in case.gates.behaviour} <= {g.gate for g in verdict.gates}


def test_behaviour_is_that_of_the_bundle(reach):
    verdict = reach(None)
    assert gate(verdict, "bank_name_is_not_read").verdict == "pass"
    assert gate(verdict, "bank_name_is_not_read").value == 0.0
    assert gate(verdict, "more_bad_loans_of_the_bank").verdict == "pass"


def test_a_champion_that_knows_less_is_beaten(reach, predictions, small_dataset):
    rate = read_scored(small_dataset, predictions, "test")["label"].mean()
    verdict = reach(scores(predictions, probability=pl.lit(1 - rate)))
    assert verdict.comparison.worse_by.high < 0
    assert gate(verdict, "champion").verdict == "pass"


def test_a_champion_that_knows_more_is_not_beaten(reach, small_dataset):
    truth = pl.read_parquet(small_dataset).select("row_id", probability=pl.col("label") * 0.98 + 0.01)
    verdict = reach(truth)
    assert verdict.comparison.worse_by.low > 0
    assert gate(verdict, "champion").verdict == "fail"
    with pytest.raises(GateFailed, match="stopped by champion"):
        require(verdict.gates)


def test_the_champions_rows_are_matched_by_id_and_on_the_test_split_alone(reach, predictions, small_dataset):
    shuffled = pl.read_parquet(predictions).select("row_id", "probability").sample(fraction=1.0, shuffle=True, seed=3)
    verdict = reach(shuffled)
    assert verdict.comparison.worse_by.value == 0.0
    tested = pl.read_parquet(small_dataset).filter(split="test")
    assert verdict.comparison.worse_by.n == len(tested)
    assert verdict.comparison.candidate == pytest.approx(verdict.comparison.champion)


def test_rows_that_the_champion_learned_from_do_not_count(reach, predictions):
    nothing_new = scores(predictions, probability=pl.lit(None, dtype=pl.Float64))
    found = gate(reach(nothing_new), "champion")
    assert (found.verdict, found.reason) == (
        "no_data",
        "too few rows of both outcomes that the champion could score and did not learn from (n=0)",
    )


def test_a_champion_that_did_not_score_every_row_is_no_comparison(reach, predictions):
    with pytest.raises(IntegrityError, match=r"champion\.parquet does not belong to dataset\.parquet"):
        reach(scores(predictions, probability=pl.col("probability")).head(100))


def test_what_was_measured_reaches_its_gates(reach):
    bad = MEASURED.model_copy(
        update={
            "latency_p95_ms": Estimate(value=250.0, n=200),
            "parity_max_abs": Estimate(value=0.5, n=10_000),
            "leakage": LeakageReport(
                rows=9, sampled=9, findings=(SAFE.model_copy(update={"leaks": True, "value": 0.99}),)
            ),
        }
    )
    verdict = reach(None, bad)
    assert (gate(verdict, "latency").value, gate(verdict, "parity").value) == (250.0, 0.5)
    assert {gate(verdict, n).verdict for n in ("latency", "parity", "leakage")} == {"fail"}


def test_a_verdict_is_the_same_after_writing_and_reading(reach, predictions):
    verdict = reach(scores(predictions, probability=pl.col("probability")))
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict


@pytest.fixture
def files(tmp_path):
    (tmp_path / "slices.json").write_bytes(AllMetrics.dump_json(list(MEASURED.metrics)))
    (tmp_path / "leakage.json").write_text(MEASURED.leakage.model_dump_json())
    report = {"latency_p95_ms": 4.5, "calls": 200, "parity_max_abs": 3e-8, "rows": 900, "model": "and more"}
    (tmp_path / "smoke.json").write_text(json.dumps(report))
    return [tmp_path / f"{name}.json" for name in ("slices", "leakage", "smoke")]


def test_reports_are_read_with_how_much_they_stand_on(files):
    measured = read_measured(*files)
    assert measured.metrics == MEASURED.metrics
    assert measured.leakage == MEASURED.leakage
    assert measured.latency_p95_ms == Estimate(value=4.5, n=200)
    assert measured.parity_max_abs == Estimate(value=3e-8, n=900)


def test_a_row_that_was_not_scored_fails_the_parity_gate(files, reach):
    report = json.loads(files[2].read_text())
    files[2].write_text(json.dumps({**report, "parity_max_abs": float(np.nan)}))
    found = gate(reach(None, read_measured(*files)), "parity")
    assert (found.verdict, found.blocking) == ("fail", True)


def test_rows_count_by_their_weight_against_the_champion(reach, predictions, small_dataset, tmp_path):
    """A champion that gives all rows the rate is beaten by less where the rows it errs on weigh next to nothing."""
    frame = pl.read_parquet(small_dataset)
    frame.drop("weight").write_parquet(tmp_path / "old.parquet")
    frame.with_columns(weight=1.1 - pl.col("label")).write_parquet(tmp_path / "light.parquet")
    champion = scores(predictions, probability=pl.lit(0.05))
    plain = reach(champion).comparison
    assert reach(champion, dataset=tmp_path / "old.parquet").comparison == plain
    light = reach(champion, dataset=tmp_path / "light.parquet").comparison
    assert light.champion < 0.6 * plain.champion
    assert light.worse_by.n == plain.worse_by.n

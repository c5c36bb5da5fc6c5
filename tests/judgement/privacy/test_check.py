"""The check: a model that knows its rows by heart is stopped by the gate on memory, and careful ones pass."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components.core.errors import FairleadError
from components.core.gating import Limit
from components.core.use_case import UseCase
from components.judgement.check_report import CheckReport
from components.judgement.limits import judge_limit
from components.judgement.privacy.check import check
from components.judgement.subject import Subject, open_subject
from tests.judgement.privacy.conftest import WithScores

LIMITS = (
    Limit(gate="no_memory", check="privacy", figure="membership_auc", bound="low", maximum=0.6),
    Limit(gate="no_memory_beyond_split", check="privacy", figure="membership_gain", bound="low", maximum=0.1),
    Limit(gate="generalises", check="privacy", figure="generalisation_gap", of="auc", bound="low", maximum=0.05),
)


@pytest.fixture(scope="module")
def report(careful: Subject) -> CheckReport:
    return check(careful)


def verdicts(found: CheckReport) -> dict[str, str]:
    return {r.gate: r.verdict for limit in LIMITS for r in judge_limit(limit, [found])}


def test_a_careful_model_passes(report: CheckReport) -> None:
    assert verdicts(report) == {"no_memory": "pass", "no_memory_beyond_split": "pass", "generalises": "pass"}


def test_a_model_that_knows_its_rows_by_heart_is_stopped_by_every_one_of_the_gates(memorising: Subject) -> None:
    found = check(memorising)
    assert verdicts(found) == {"no_memory": "fail", "no_memory_beyond_split": "fail", "generalises": "fail"}
    assert (found.figure("membership_advantage").estimate.low or 0) > 0.2
    assert (found.figure("membership_tpr_at_1pct_fpr").estimate.low or 0) > 0.02
    assert (found.figure("generalisation_gap_beyond_split", "log_loss").estimate.low or 0) > 0.3


def test_a_model_that_knows_nothing_gives_nothing_away(ignorant: Subject) -> None:
    found = check(ignorant)
    for name, guessing in (("membership_advantage", 0.0), ("membership_auc", 0.5)):
        estimate = found.figure(name).estimate
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= guessing <= estimate.high
    gain = found.figure("attribute_inference_gain", "sex").estimate
    assert (gain.low or 0) < 0.02
    assert set(verdicts(found).values()) == {"pass"}


def test_a_score_that_reads_sex_is_caught(careful: Subject, with_scores: WithScores, report: CheckReport) -> None:
    limit = Limit(
        gate="score_hides_sex", check="privacy", figure="attribute_inference_gain", of="sex", bound="low", maximum=0.05
    )
    assert judge_limit(limit, [report])[0].verdict == "pass"
    telling = with_scores(careful, lambda matrix: np.full(len(matrix), 0.3))
    for part in (telling.train, telling.test):
        part.probability[:] = 0.2 + 0.3 * (part.frame["sex"] == "2").to_numpy()
    (stopped,) = judge_limit(limit, [check(telling)])
    assert stopped.verdict == "fail"


def test_the_same_model_gives_the_same_report(careful: Subject, report: CheckReport) -> None:
    before = np.random.get_state()[1]
    fresh = replace(careful)
    assert check(fresh).model_dump_json() == report.model_dump_json()
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_everything_is_told_with_its_interval_and_rows(report: CheckReport) -> None:
    for figure in report.figures:
        estimate = figure.estimate
        assert estimate.value is not None, figure
        assert estimate.low is not None, figure
        assert estimate.high is not None, figure
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.n >= 250
    assert report.tables[0].header[0] == "attack"
    assert [row[0] for row in report.tables[0].rows] == ["rule", "loss", "forest", "reference", "all"]
    assert "AUC of 0." in report.summary[0]


def test_a_model_of_rows_split_by_time_is_attacked_too(sba: UseCase, signed_bundle: Path, small_dataset: Path) -> None:
    """Where rows are split by time the report says so, and the gate on what is beyond the split does not stop it."""
    few = sba.judgement.model_copy(update={"privacy": sba.judgement.privacy.model_copy(update={"rows": 300})})
    found = check(open_subject(sba.model_copy(update={"judgement": few}), signed_bundle, small_dataset))
    assert any("older" in sentence for sentence in found.summary)
    assert verdicts(found)["no_memory_beyond_split"] == "pass"


def test_too_few_rows_of_an_outcome_is_no_data(careful: Subject, clients: Path, tmp_path: Path) -> None:
    rows = pl.read_parquet(clients)
    bad = rows.filter((pl.col("label") == 1) & (pl.col("split") == "test")).head(10)
    rest = rows.filter((pl.col("label") == 0) | (pl.col("split") != "test"))
    pl.concat([rest, bad]).write_parquet(tmp_path / "few.parquet")
    found = check(replace(careful, dataset=tmp_path / "few.parquet"))
    for name in ("membership_auc", "membership_gain", "membership_advantage", "membership_tpr_at_1pct_fpr"):
        figure = found.figure(name)
        assert figure.estimate.value is None
        assert "10 rows of the rarer outcome to attack, needs 20" in figure.reason
    assert judge_limit(LIMITS[0], [found])[0].verdict == "no_data"
    assert found.summary[0].startswith("Not enough data to attack the model")


def test_a_score_that_is_no_number_is_a_clear_error(careful: Subject, with_scores: WithScores) -> None:
    broken = with_scores(careful, lambda matrix: np.full(len(matrix), np.nan))
    with pytest.raises(FairleadError, match="training rows have a score that is no number"):
        check(broken)

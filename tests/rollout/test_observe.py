"""Observing: what the proxy, the servers and time have written so far, and nothing from before the rollout."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from components.rollout.observe import Observer
from components.rollout.plan import Metric, Plan, Step
from components.rollout.planes.memory import MemoryPlane
from components.rollout.state import State
from components.serving.outcomes import record_outcomes
from components.serving.records import Record, microseconds
from components.serving.sinks.sqlite import SqliteSink

START = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = Plan(
    name="p",
    strategy="canary",
    use_case="sba_loans",
    steps=(Step(weight=50),),
    metrics=(Metric(name="error_rate", tolerated=0.01), Metric(name="brier", margin=0.1)),
)
STATE = State(rollout="r", phase="running", started=START, step_started=START)


class Site:
    """The files of one machine."""

    def __init__(self, folder: Path) -> None:
        self.access = folder / "access.jsonl"
        self.log = folder / "predictions.db"
        self.sink = SqliteSink(self.log)

    def answer(self, second: float, name: str, variant: str, probability: float, status: int = 200) -> None:
        """Write what one request leaves behind."""
        at = START + timedelta(seconds=second)
        line = {
            "at": str(at.timestamp()), "request_id": name, "method": "POST", "path": "/v2/models/m/infer",
            "chosen": variant, "answered": variant, "candidate": 50, "status": status, "duration_us": 1000,
            "attempts": 1,
        }  # fmt: skip
        with self.access.open("a") as log:
            log.write(json.dumps(line) + "\n")
        if status == 200:
            key = (microseconds(at), name, 0, "sba_loans", "1", variant)
            self.sink.write([Record(*key, "{}", probability, 0, None, None, None, 1.0)])

    def tell(self, **labels: int) -> None:
        """Record outcomes."""
        frame = pl.DataFrame({"request_id": list(labels), "label": list(labels.values())})
        record_outcomes(self.log, frame.with_columns(known_at=pl.lit(START)))

    def observer(self) -> Observer:
        """Make an observer as a controller that starts now would."""
        return Observer(
            PLAN, MemoryPlane(), START, f"sqlite:///{self.log}", self.access, self.log,
            clock=lambda: START + timedelta(minutes=1),
        )  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_before_the_first_request_nothing_is_seen_and_nothing_is_zero(site: Site) -> None:
    seen = site.observer()(STATE)
    assert seen.requests == {}
    assert seen.failures == 0
    assert seen.healthy == {"stable": True, "candidate": True}
    assert not any(e.has_data for e in seen.evidence.values())
    assert all(e.reason for e in seen.evidence.values())


def test_a_look_counts_requests_failures_and_known_outcomes(site: Site) -> None:
    site.answer(1, "a", "stable", 0.5)
    site.answer(2, "b", "candidate", 0.5)
    site.answer(3, "c", "candidate", 0.5, status=503)
    site.tell(a=1, b=0, unseen=1)
    seen = site.observer()(STATE)
    assert seen.requests == {"candidate": 2, "stable": 1}
    assert seen.failures == 1
    errors, brier = seen.evidence["error_rate"], seen.evidence["brier"]
    assert (errors.n_candidate, errors.n_stable, errors.mean_candidate) == (2, 1, 0.5)
    assert (brier.n_candidate, brier.n_stable, brier.mean_stable) == (1, 1, 0.25)


def test_a_second_look_adds_what_is_new(site: Site) -> None:
    observer = site.observer()
    site.answer(1, "a", "stable", 0.5)
    assert observer(STATE).requests == {"stable": 1}
    site.answer(2, "b", "candidate", 0.5)
    site.tell(a=0)
    seen = observer(STATE)
    assert seen.requests == {"candidate": 1, "stable": 1}
    assert seen.evidence["brier"].n_stable == 1


def test_a_controller_that_starts_anew_sees_what_the_one_before_saw(site: Site) -> None:
    first = site.observer()
    for i in range(20):
        site.answer(i, f"r{i}", "candidate" if i % 2 else "stable", 0.5)
        first(STATE)
    site.tell(**{f"r{i}": i % 2 for i in range(10)})
    assert first(STATE) == site.observer()(STATE)


def test_what_was_before_the_rollout_does_not_count(site: Site) -> None:
    site.answer(-5, "early", "stable", 0.5)
    site.tell(early=1)
    seen = site.observer()(STATE)
    assert seen.requests == {}
    assert not seen.evidence["brier"].has_data

"""Observing: what the proxy, the servers and time have written so far, and nothing from before the rollout."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from components.rollout.observe import Observer
from components.rollout.plan import Metric, Plan, Step
from components.rollout.planes.memory import MemoryPlane
from components.rollout.state import State
from components.serving.outcomes import record_outcomes
from components.serving.records import Record, microseconds
from components.serving.sampling import keep
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

    def observer(self, plan: Plan = PLAN, **more: Any) -> Observer:
        """Make an observer as a controller that starts now would."""
        return Observer(
            plan, MemoryPlane(), START, f"sqlite:///{self.log}", self.access, self.log,
            clock=lambda: START + timedelta(minutes=1), **more,
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


def test_an_id_that_begins_like_an_explainers_hides_nothing(site: Site) -> None:
    site.answer(1, "explain-me", "stable", 0.5)
    site.tell(**{"explain-me": 1})
    seen = site.observer()(STATE)
    assert seen.requests == {"stable": 1}
    assert seen.evidence["brier"].n_stable == 1


def test_where_rates_differ_what_the_smaller_one_keeps_counts_of_both(site: Site) -> None:
    few = keep(0.3)
    assert few is not None
    names = [f"r{i}" for i in range(60)]
    for i, name in enumerate(names):
        site.answer(i / 10, name, "candidate" if i % 2 else "stable", 0.5)
    site.tell(**dict.fromkeys(names, 1))
    brier = site.observer(rates={"stable": 0.3, "candidate": 1.0})(STATE).evidence["brier"]
    kept = [i for i, name in enumerate(names) if few(name)]
    assert brier.n_candidate == sum(i % 2 for i in kept) > 0
    assert brier.n_stable == sum(1 - i % 2 for i in kept) > 0
    everything = site.observer(rates={"stable": 0.3, "candidate": 0.3})(STATE).evidence["brier"]
    assert everything.n_candidate == 30


def test_a_log_that_holds_less_of_one_variant_is_no_data_and_says_why(site: Site) -> None:
    sides = ["candidate" if i % 2 else "stable" for i in range(900)]
    for i in range(900):
        site.answer(i / 100, f"r{i}", sides[i], 0.5, status=200 if i % 10 == 0 or i % 2 else 201)
    site.tell(**{f"r{i}": 1 for i in range(900)})
    brier = site.observer()(STATE).evidence["brier"]
    assert not brier.has_data
    assert "20% of the stable model's: give both servers the same sampling rate" in brier.reason


def test_what_outcomes_may_hide_is_noted_beside_the_numbers(site: Site) -> None:
    site.answer(1, "a", "stable", 0.5)
    assert "mature_after_hours" in site.observer()(STATE).evidence["brier"].note
    mature = PLAN.model_copy(update={"mature_after_hours": 1.0})
    assert site.observer(mature)(STATE).evidence["brier"].note == ""


def test_a_look_at_many_requests_is_affordable(site: Site) -> None:
    """The whole look, statistics included, costs in proportion: measured 0.1 s of CPU for these."""
    n = 30_000
    rng = np.random.default_rng(1)
    sides = rng.random(n) < 0.5
    site.answer(0, "first", "stable", 0.5)
    line = json.loads(site.access.read_text())
    with site.access.open("a") as log:
        for i in range(n):
            side = "candidate" if sides[i] else "stable"
            log.write(json.dumps({**line, "request_id": f"r{i}", "chosen": side, "answered": side}) + "\n")
    observer = site.observer()
    observer(STATE)
    start = time.process_time()
    assert sum(observer(STATE).requests.values()) == n + 1
    assert time.process_time() - start < 1.0

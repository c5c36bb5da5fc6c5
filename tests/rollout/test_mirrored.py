"""Pairs: which requests both variants were given, and which of the two has failed one."""

import numpy as np
import polars as pl

from components.rollout.analysis import analyse
from components.rollout.measure import Seen, failures, measure
from components.rollout.mirrored import GRACE, pairs
from components.rollout.plan import Metric
from components.rollout.samples import Paired
from tests.rollout.drawn import left, line, plan, predictions, seen

ERRORS = Metric(name="error_rate", margin=0.01)
SHADOW = plan(ERRORS, strategy="shadow")


def copied(at: float, chosen: str = "stable", **changes: object) -> dict[str, object]:
    other = "candidate" if chosen == "stable" else "stable"
    return line(at, chosen, candidate=0 if chosen == "stable" else 100, mirror=other, **changes)


def errors(found: Seen) -> list[float]:
    sample = measure(SHADOW, found)[1].get("error_rate")
    assert isinstance(sample, Paired)
    return sample.difference.tolist()


def test_requests_from_before_the_mirror_are_no_missing_copies() -> None:
    before = [line(i / 10, candidate=0) for i in range(30)]
    after = [copied(i / 10) for i in range(30, 60)]
    names = [str(r["request_id"]) for r in (*before, *after)]
    rows = [(float(i) / 10, name, "stable", 0.1) for i, name in enumerate(names)]
    rows += [(i / 10, names[i], "candidate", 0.1) for i in range(30, 60)]
    assert errors(seen([*before, *after], predictions(*rows))) == [0.0] * 30
    # By their time alone, where clients have ids of their own: those around the change are left out.
    own = [(at, f"own-{name}", side, p) for at, name, side, p in rows]
    by_time = errors(seen([*before, *after], predictions(*own)))
    assert set(by_time) == {0.0}
    assert 10 < len(by_time) < 30


def test_either_may_be_the_one_that_failed() -> None:
    drawn = [copied(1, request_id="a"), copied(2, request_id="b"), copied(3, request_id="c", status=503)]
    rows = predictions((1, "a", "stable", 0.1), (1, "a", "candidate", 0.1), (2, "b", "stable", 0.1),
                       (3, "c", "candidate", 0.1))  # fmt: skip
    found = seen(drawn, rows)
    assert errors(found) == [0.0, 1.0, -1.0]
    assert failures(SHADOW, found) == 1


def test_after_the_switch_the_candidate_answers_and_the_stable_model_gets_the_copy() -> None:
    drawn = [
        copied(1, "candidate", request_id="a", answered="stable", attempts=2),
        copied(2, "candidate", request_id="b"),
    ]
    rows = predictions((1, "a", "stable", 0.1), (2, "b", "candidate", 0.1))
    assert errors(seen(drawn, rows)) == [1.0, -1.0]


def test_both_failing_at_random_is_no_harm() -> None:
    """1 % of either's requests fail."""
    tolerant = Metric(name="error_rate", tolerated=0.0, margin=0.01)
    p = plan(tolerant, strategy="shadow")
    worst = 0.0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        broken = rng.random((1500, 2)) < 0.01
        drawn = [copied(i / 100, status=503 if broken[i, 0] else 200) for i in range(1500)]
        rows = [
            (i / 100, f"x{i / 100}", side, 0.1)
            for i in range(1500) for k, side in enumerate(("stable", "candidate")) if not broken[i, k]
        ]  # fmt: skip
        specs, samples = measure(p, seen(drawn, predictions(*rows)))
        worst = max(worst, analyse(specs, samples, p.alpha)["error_rate"].e_harm)
    assert worst < 40


def test_what_only_one_of_the_two_could_lose_is_left_out() -> None:
    """A client that left was waiting for one of the two; an answer that is not in the log was not logged."""
    drawn = [left(1, request_id="a", mirror="candidate"), copied(2, request_id="b"), copied(3, request_id="c")]
    rows = predictions((1, "a", "candidate", 0.1), (2, "b", "candidate", 0.1), (3, "c", "stable", 0.1),
                       (3, "c", "candidate", 0.1))  # fmt: skip
    assert pairs(seen(drawn, rows))["request_id"].to_list() == ["c"]


def test_a_copy_that_comes_late_stays_missing() -> None:
    late = 1 + 2 * GRACE.total_seconds()
    rows = predictions((1, "a", "stable", 0.1), (late, "a", "candidate", 0.1))
    assert errors(seen([copied(1, request_id="a")], rows)) == [1.0]


def test_counters_know_no_mirror_and_every_pair_counts() -> None:
    base = seen([line(1)], predictions((1, "a", "stable", 0.1), (1, "a", "candidate", 0.1)))
    counted = base.requests.with_columns(request_id=pl.lit(None, pl.String()))
    found = Seen(counted, base.predictions, base.outcomes, base.rescored, base.now)
    assert errors(found) == [0.0]

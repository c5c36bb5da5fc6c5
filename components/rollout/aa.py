"""A/A: the same model on both sides. What differs then is the machinery, and what is found then is false."""

from collections.abc import Iterable, Mapping

import numpy as np
from pydantic import BaseModel, ConfigDict

from components.core.contracts import FloatArray
from components.core.errors import FairleadError
from components.rollout.analysis import LARGEST, analyse
from components.rollout.samples import Evidence, Measured, MetricSpec, Samples, TwoArm
from components.rollout.statistics.assignment import log_e_mismatch
from components.rollout.statistics.betting import log_e_above
from components.rollout.statistics.discoveries import discoveries
from components.rollout.statistics.effect import two_arm
from components.rollout.statistics.restarts import log_e_above_restarted

CELLS = 1_000_000
"""Requests held at once."""

ASSIGNMENT = "assignment"
"""The name under which a split that is not the planned one is told, among the metrics that differ."""


class Alike(BaseModel):
    """What an A/A rollout has shown; may be looked at any time."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    differing: tuple[str, ...]
    """Metrics that differ, strongest first; ``assignment`` where requests were split otherwise than planned."""
    e_values: Mapping[str, float]
    """Against "both sides are alike", by metric."""
    evidence: Mapping[str, Evidence]


class Placebo(BaseModel):
    """How often a rollout of nothing would have been judged anything, on traffic that really was."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rounds: int
    false_harm: int
    """Rounds in which the candidate, a mere name, was found worse."""
    false_better: int
    promised: float
    """Share of rounds in which either is allowed to happen."""


def compare_alike(specs: Iterable[MetricSpec], samples: Samples, alpha: float) -> Alike:
    """Look for differences where there should be none: in any metric, in either direction, or in the split itself.

    Args:
        specs: the metrics; both sides being alike, ``tolerated`` and ``margin`` are taken as 0.
        samples: by metric name; metrics without one are left out of the search.
        alpha: false discovery rate, over all looks.
    """
    strict = [Measured(s.name, s.kind, tolerated=0.0, margin=0.0, bound=s.bound) for s in specs]
    evidence = analyse(strict, samples, alpha)
    e_values = {name: (found.e_harm + found.e_safe) / 2 for name, found in evidence.items() if found.has_data}
    split = [s for s in samples.values() if isinstance(s, TwoArm) and len(s.value)]
    if split:
        longest = max(split, key=lambda s: len(s.value))
        e_values[ASSIGNMENT] = float(np.exp(min(log_e_mismatch(longest.candidate, longest.share)[-1], np.log(LARGEST))))
    return Alike(differing=discoveries(e_values, alpha), e_values=e_values, evidence=evidence)


def placebo(
    spec: MetricSpec,
    value: FloatArray,
    share: FloatArray,
    alpha: float,
    covariate: FloatArray | None = None,
    look_every: int = 100,
    rounds: int = 500,
    seed: int = 7,
) -> Placebo:
    """Assign real requests of one model to two names, again and again, and count what a rollout would have concluded.

    Whatever the traffic is like, drifting, bursty or heavy in the tail, the promise has to hold on it: try it.

    Args:
        spec: bound of the metric; both sides being alike, ``tolerated`` and ``margin`` are taken as 0.
        value: shape (n,), of requests that one model answered, in their order.
        share: shape (n,), the weights of the plan that is tried.
        alpha: as in the plan: half for each side.
        covariate: shape (n,), as in ``TwoArm``.
        look_every: requests between two looks.
        rounds: assignments to try.
        seed: of the assignments.

    Raises:
        FairleadError: there is no request, or lengths differ.
    """
    n = len(value)
    if not n or len(share) != n:
        raise FairleadError(f"a placebo needs requests and a share for each; found {n} values and {len(share)} shares")
    looks = np.unique(np.append(np.arange(look_every - 1, n, look_every), n - 1))
    rng, wanted = np.random.default_rng(seed), np.log(2 / alpha)
    batch = max(1, CELLS // n)
    worse = better = 0
    for start in range(0, rounds, batch):
        shape = (min(batch, rounds - start), n)
        known = None if covariate is None else np.broadcast_to(covariate, shape)
        payoffs = two_arm(rng.random(shape) < share, share, np.broadcast_to(value / spec.bound, shape), known)
        worse += int((log_e_above_restarted(payoffs, 0.0, looks=looks) >= wanted).any(axis=1).sum())
        better += int((log_e_above(payoffs.mirrored(), 0.0, looks=looks) >= wanted).any(axis=1).sum())
    return Placebo(rounds=rounds, false_harm=worse, false_better=better, promised=alpha)

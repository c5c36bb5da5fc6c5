"""Rollouts simulated many at once, each looked at after every 100 requests, judged as real ones are."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from components.core.contracts import FloatArray
from components.rollout.samples import BoolArray
from components.rollout.statistics.betting import IntArray, log_e_above
from components.rollout.statistics.discoveries import discoveries
from components.rollout.statistics.effect import two_arm
from components.rollout.statistics.restarts import log_e_above_restarted
from components.rollout.statistics.simulation import Draw, first_look
from pipelines.benchmarks.naive import ever_significant, naive_z

ALPHA = 0.05
"""As in a plan: half for a false rollback, half for a false promotion."""

EVERY = 100
CELLS = 500_000
"""Requests held at once."""

LOSS_BOUND = -math.log(0.001)
"""Largest log loss that counts, as in a plan."""

STEPS = ((0.05, 2_000), (0.25, 3_000), (0.5, 5_000))
"""Weight and requests of each step, the last one prolonged where a plan is longer."""

LOSS = Draw(0.35 / LOSS_BOUND, 0.5 / LOSS_BOUND)
"""A log loss of 0.35 on average, with a standard deviation of 0.5."""


GUARDS = {"error_rate": Draw(0.01), "latency": Draw(0.05), "outlier_rate": Draw(0.03), "log_loss": LOSS}
"""Four guards, as in the plan of a canary; promotion asks for a lower log loss."""


@dataclass(frozen=True)
class Traffic:
    """Both sides of one rollout.

    Args:
        requests: the plan's maximum.
        stable: values by metric, from 0 to 1.
        candidate: values of the metrics in which it differs.
        swing: by how much all rates rise, at the peak of each of three days; 0 leaves them alone.
        growth: by how much they rise over the whole rollout.
        known: part of the loss's variance that a covariate explains.
    """

    requests: int
    stable: Mapping[str, Draw]
    candidate: Mapping[str, Draw]
    swing: float = 0.0
    growth: float = 0.0
    known: float = 0.0

    @property
    def share(self) -> FloatArray:
        """The candidate's weight at each request, shape (requests,)."""
        steps = np.concatenate([np.full(n, weight) for weight, n in STEPS])
        return np.concatenate([steps, np.full(max(0, self.requests - len(steps)), STEPS[-1][0])])[: self.requests]

    @property
    def looks(self) -> IntArray:
        """Requests before each look, less 1."""
        return np.arange(EVERY - 1, self.requests, EVERY)

    @property
    def level(self) -> FloatArray:
        """What all rates are multiplied by, shape (requests,)."""
        time = np.linspace(0, 1, self.requests)
        level: FloatArray = (1 + self.growth * time) * (1 + self.swing * np.sin(6 * np.pi * time) ** 2)
        return level


@dataclass(frozen=True)
class Verdicts:
    """What came of the runs, shape (runs,) each; first looks, or the number of looks where there was none."""

    harm: IntArray
    better: IntArray
    naive: BoolArray
    """A z-test at 5 % on the error rate was significant at some look."""
    naive_guards: BoolArray
    """So was one on any of the 0/1 metrics, at 5 % over their number."""


def judge(traffic: Traffic, runs: int, seed: int, margin: float = 0.0) -> Verdicts:
    """Simulate runs and look at each after every 100 requests, with the statistics that rollouts are decided by.

    Args:
        traffic: both sides.
        runs: how many.
        seed: of the draws.
        margin: promotion needs evidence that the log loss is not worse by this, on the scale from 0 to 1.
    """
    rng = np.random.default_rng(seed)
    batch = max(1, CELLS // traffic.requests)
    parts = [_batch(rng, traffic, min(batch, runs - start), margin) for start in range(0, runs, batch)]
    fields = ("harm", "better", "naive", "naive_guards")
    return Verdicts(*(np.concatenate([getattr(p, field) for p in parts]) for field in fields))


def _batch(rng: np.random.Generator, traffic: Traffic, runs: int, margin: float) -> Verdicts:
    share, looks = traffic.share, traffic.looks
    who = rng.random((runs, traffic.requests)) < share
    log_e: dict[str, FloatArray] = {}
    z: dict[str, FloatArray] = {}
    better: FloatArray = np.full((runs, len(looks)), -math.inf)
    for name, value, covariate in _values(rng, traffic, who):
        payoffs = two_arm(who, share, value, covariate)
        log_e[name] = log_e_above_restarted(payoffs, 0.0, looks=looks)
        if name == "log_loss":
            better = log_e_above(payoffs.mirrored(), -margin, looks=looks)
        else:
            z[name] = naive_z(who, value, looks)
    guards = [ever_significant(found, ALPHA / len(z)) for found in z.values()]
    return Verdicts(
        harm=first_look(_harmed(log_e)),
        better=first_look(better >= math.log(2 / ALPHA)),
        naive=ever_significant(z["error_rate"], ALPHA) if "error_rate" in z else np.zeros(runs, dtype=np.bool_),
        naive_guards=np.logical_or.reduce(guards) if guards else np.zeros(runs, dtype=np.bool_),
    )


def _values(
    rng: np.random.Generator, traffic: Traffic, who: BoolArray
) -> Iterator[tuple[str, FloatArray, FloatArray | None]]:
    for name, stable in traffic.stable.items():
        candidate = traffic.candidate.get(name, stable)
        sides = (replace(side, mean=side.mean * traffic.level) for side in (candidate, stable))
        ours, theirs = (side.values(rng, who.shape) for side in sides)
        covariate = None
        if traffic.known and stable.spread is not None:
            # What the stable model would have lost is known but for noise, so that it explains as much as it should.
            noise = stable.spread * math.sqrt(1 / traffic.known - 1)
            covariate = theirs + rng.normal(0, noise, who.shape)
            ours = theirs + (candidate.mean - stable.mean)
        yield name, np.clip(np.where(who, ours, theirs), 0.0, 1.0), covariate


def _harmed(log_e: Mapping[str, FloatArray]) -> BoolArray:
    """Ask at each look of each run whether any guard is refuted, shape (runs, looks)."""
    names, values = list(log_e), np.stack(list(log_e.values()))
    found = np.zeros(values.shape[1:], dtype=np.bool_)
    # Below this for all of them nothing can be refuted.
    for run, look in np.argwhere(values.max(axis=0) >= math.log(2 / ALPHA)):
        e_values = np.exp(np.minimum(values[:, run, look], 200.0)).tolist()
        found[run, look] = bool(discoveries(dict(zip(names, e_values, strict=True)), ALPHA / 2))
    return found

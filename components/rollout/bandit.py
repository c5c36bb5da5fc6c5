"""Bandits: the candidate's next weight from the losses seen so far."""

import math
from dataclasses import dataclass

import numpy as np

from components.rollout.plan import Bandit
from components.rollout.samples import Evidence

EVEN = 50
"""Percent for each of two variants, as long as nothing is known."""

DRAWS = 4000
"""Of Thompson sampling: the weight is exact to 0.8 percent points (one standard error at 50 %)."""


@dataclass(frozen=True)
class Arm:
    """One variant's losses so far.

    Args:
        n: how many.
        loss: their mean as a share of the largest possible one, 0 to 1.
    """

    n: int
    loss: float


def weight(bandit: Bandit, evidence: Evidence | None, bound: float, look: int) -> int | None:
    """Return the candidate's percentage for the time to the next look; the same arguments give the same weight.

    A weight stands for all requests until the next look, so each policy is taken as a share: Thompson sampling gives
    a variant the probability that it is the better one (Thompson, 1933; Beta posterior on bounded losses as in Agrawal
    and Goyal, 2012), UCB all but the least to the one whose loss may be lowest (UCB1 of Auer, Cesa-Bianchi and Fischer,
    2002), epsilon-greedy a share of ``1 - epsilon / 2`` to the one whose loss is lowest.

    Args:
        bandit: policy, least weight and seed.
        evidence: of the metric that is the (negative) reward; pairs, in which both answered, tell no weight.
        bound: largest loss of one request.
        look: number of the look; with the seed it fixes what is drawn.

    Returns:
        None while one of the variants has no losses to go by.

    >>> seen = Evidence(metric="brier", n_candidate=400, n_stable=400, mean_stable=0.2, estimate=-0.1)
    >>> weight(Bandit(), seen, bound=1.0, look=3)
    95
    """
    arms = _arms(evidence, bound)
    if arms is None:
        return None
    share = POLICIES[bandit.policy](*arms, bandit, look)
    return min(max(round(100 * share), bandit.lowest), 100 - bandit.lowest)


def _arms(evidence: Evidence | None, bound: float) -> tuple[Arm, Arm] | None:
    if evidence is None or evidence.estimate is None or evidence.mean_stable is None:
        return None
    if not evidence.n_candidate or not evidence.n_stable:
        return None
    # Plain means mislead where weights and base rates change along the way; the estimate takes account of that.
    losses = evidence.mean_stable + evidence.estimate, evidence.mean_stable
    means = (min(max(loss / bound, 0.0), 1.0) for loss in losses)
    candidate, stable = (Arm(n, m) for n, m in zip((evidence.n_candidate, evidence.n_stable), means, strict=True))
    return candidate, stable


def _thompson(candidate: Arm, stable: Arm, bandit: Bandit, look: int) -> float:
    draw = np.random.default_rng([bandit.seed, look]).beta
    losses = [draw(1 + a.n * a.loss, 1 + a.n * (1 - a.loss), size=DRAWS) for a in (candidate, stable)]
    return float(np.mean(losses[0] < losses[1]))


def _ucb(candidate: Arm, stable: Arm, _bandit: Bandit, _look: int) -> float:
    spread = 2 * math.log(candidate.n + stable.n)
    lowest = [a.loss - math.sqrt(spread / a.n) for a in (candidate, stable)]
    return 0.5 if lowest[0] == lowest[1] else float(lowest[0] < lowest[1])


def _epsilon_greedy(candidate: Arm, stable: Arm, bandit: Bandit, _look: int) -> float:
    if candidate.loss == stable.loss:
        return 0.5
    return 1 - bandit.epsilon / 2 if candidate.loss < stable.loss else bandit.epsilon / 2


POLICIES = {"thompson": _thompson, "ucb": _ucb, "epsilon_greedy": _epsilon_greedy}

"""Measuring: the only way to the rows; a private measurer adds noise and keeps account, an exact one does neither."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from components.core.contracts import FloatArray
from components.core.errors import FairleadError
from components.data.synthetic.guarantee import Guarantee, Step, epsilon_of, plain_epsilon_of, rho_for

SLACK = 1e-9
"""Rounding that the account forgives, as a share of the budget."""


class Measurer(Protocol):
    """What may be asked about the rows. One row added or removed changes one count by 1, and a score by at most 1."""

    def counts(self, exact: FloatArray, share: float, step: str) -> tuple[FloatArray, float]:
        """Release the counts of one way to part the rows, with the standard deviation of their noise."""
        ...

    def largest(self, scores: Sequence[float], share: float, step: str) -> int:
        """Release which score is the largest."""
        ...

    def keys(self, counts: Mapping[str, int], share: float, step: str) -> list[str]:
        """Release which values there are of an open category."""
        ...

    def guarantee(self) -> Guarantee:
        """Say what was spent."""
        ...


class Exact:
    """Tells what is there, without noise: NO privacy. It spends nothing, and so reads neither share nor step."""

    def counts(self, exact: FloatArray, share: float, step: str) -> tuple[FloatArray, float]:  # noqa: ARG002
        """Return the counts as they are; the deviation only weighs them against each other."""
        return exact.astype(np.float64), 1e-3

    def largest(self, scores: Sequence[float], share: float, step: str) -> int:  # noqa: ARG002
        """Return the place of the largest score."""
        return int(np.argmax(scores))

    def keys(self, counts: Mapping[str, int], share: float, step: str) -> list[str]:  # noqa: ARG002
        """Return all values, the most frequent first."""
        return sorted(counts, key=lambda key: (-counts[key], key))

    def guarantee(self) -> Guarantee:
        """Say that there is none."""
        return Guarantee(kind="plain")


@dataclass
class Private:
    """Adds OpenDP's noise and keeps the account in zCDP; refuses to spend more than it was given.

    Counts get discrete Gaussian noise (Canonne, Kamath, Steinke 2020), choices are made by OpenDP's noisy maximum (the
    exponential mechanism, Gumbel noise), values of open categories by a Gaussian threshold (Rogers, "A unifying privacy
    analysis framework for unknown domain algorithms", 2023). OpenDP draws from the operating system's generator and
    takes no seed, so that nobody can draw the noise again and take it off.

    Args:
        epsilon: to spend at most.
        delta: likewise; half of it pays for values of open categories where there are some.
        open_columns: how many categories without declared values there are.
        seed: for tests alone: noise from numpy instead. It voids the guarantee, which then says so.
    """

    epsilon: float
    delta: float
    open_columns: int = 0
    seed: int | None = None
    _spent: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Work out the budget."""
        self._of_keys = self.delta / 2 if self.open_columns else 0.0
        self.rho = rho_for(self.epsilon, self.delta - self._of_keys)
        self._rng = None if self.seed is None else np.random.default_rng(self.seed)

    def counts(self, exact: FloatArray, share: float, step: str) -> tuple[FloatArray, float]:
        """Release counts with discrete Gaussian noise.

        Args:
            exact: shape (cells,): rows of each cell; each row is in one.
            share: of the whole rho.
            step: what it is for.

        Raises:
            FairleadError: the budget is spent.
        """
        scale = 1 / math.sqrt(2 * self._take(share))
        if self._rng is not None:
            self._enter(step, 1 / (2 * scale**2))
            return exact + np.round(self._rng.normal(0, scale, len(exact))), scale
        dp = _opendp()
        noise = dp.m.make_gaussian(dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="i64"), scale)
        self._enter(step, noise.map(1))
        released = noise(exact.astype(np.int64).tolist())
        return np.array(released, dtype=np.float64), scale

    def largest(self, scores: Sequence[float], share: float, step: str) -> int:
        """Release which of the scores is the largest, each moving by at most 1 with one row.

        Raises:
            FairleadError: the budget is spent.
        """
        # Bounded range: the exponential mechanism at epsilon e is e²/8-zCDP, and Gumbel noise of scale 2/e makes it.
        scale = 2 / math.sqrt(8 * self._take(share))
        if self._rng is not None:
            self._enter(step, (2 / scale) ** 2 / 8)
            return int(np.argmax(np.asarray(scores) + self._rng.gumbel(0, scale, len(scores))))
        dp = _opendp()
        space = dp.vector_domain(dp.atom_domain(T="f64", nan=False)), dp.linf_distance(T="f64", monotonic=False)
        choice = dp.m.make_noisy_max(*space, dp.zero_concentrated_divergence(), scale=scale)
        self._enter(step, choice.map(1.0))
        return int(choice([float(s) for s in scores]))

    def keys(self, counts: Mapping[str, int], share: float, step: str) -> list[str]:
        """Release the values whose noisy count is above a threshold that no single row's value passes, but for delta.

        Raises:
            FairleadError: the budget is spent.
        """
        scale = 1 / math.sqrt(2 * self._take(share))
        dp = _opendp()
        space = (
            dp.map_domain(dp.atom_domain(T="String"), dp.atom_domain(T="i64")),
            dp.l02inf_distance(dp.absolute_distance(T="i64")),
        )
        allowed = self._of_keys / self.open_columns

        def release(threshold: int) -> Any:
            return dp.m.make_gaussian_threshold(*space, scale, threshold=threshold)

        # 0.999: a conversion that rounds up must not end above what is allowed.
        threshold = dp.binary_search(lambda t: release(t).map((1, 1, 1))[1] <= 0.999 * allowed, T=int)
        found = release(threshold)
        rho, delta = found.map((1, 1, 1))
        self._enter(step, rho, delta)
        kept: dict[str, int] = found(dict(counts)) if counts else {}
        return sorted(kept, key=lambda key: (-kept[key], key))

    def guarantee(self) -> Guarantee:
        """Say what was spent, at the delta that was given."""
        rho = sum(s.rho for s in self._spent)
        rest = self.delta - self._of_keys
        return Guarantee(
            kind="private",
            epsilon=epsilon_of(rho, rest),
            epsilon_bun_steinke=plain_epsilon_of(rho, rest),
            delta=self.delta,
            delta_of_keys=sum(s.delta for s in self._spent),
            rho=rho,
            steps=_summed(self._spent),
            seeded=self._rng is not None,
        )

    def _take(self, share: float) -> float:
        """Give a share of the budget, less what rounding could add."""
        return share * self.rho * (1 - SLACK)

    def _enter(self, step: str, rho: float, delta: float = 0.0) -> None:
        spent = sum(s.rho for s in self._spent) + rho
        if spent > self.rho or sum(s.delta for s in self._spent) + delta > self._of_keys:
            raise FairleadError(
                f"step {step!r} would spend rho {spent:.6g} in all; the budget is {self.rho:.6g}. Nothing was released"
            )
        self._spent.append(Step(name=step, rho=rho, delta=delta))


def _summed(steps: Sequence[Step]) -> tuple[Step, ...]:
    names = dict.fromkeys(s.name for s in steps)
    return tuple(
        Step(
            name=name,
            rho=sum(s.rho for s in steps if s.name == name),
            delta=sum(s.delta for s in steps if s.name == name),
        )
        for name in names
    )


def _opendp() -> Any:
    import opendp.prelude as dp

    # "contrib" marks mechanisms whose proofs are written and published beside them, but not yet vetted twice.
    dp.enable_features("contrib")
    return dp

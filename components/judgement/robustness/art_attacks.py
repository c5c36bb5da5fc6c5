"""Attacks of the adversarial-robustness-toolbox (ART) on one row, through a meter.

ART moves points without end in a box and knows neither whole numbers nor rules. So it is shown a model of the levers
alone: every point is answered with the decision on the nearest valid row. The box is the unit box of the levers.
"""

import contextlib
import importlib
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from components.judgement.robustness.meter import Meter, Stopped, starts

STARTS = 0.4
"""Share of the scores that goes into the search for a first example, at most."""
BATCH = 10
"""Points asked about at a time, there."""
MANY = 10_000
"""Iterations: it is the meter that ends an attack."""

Points = npt.NDArray[Any]


def hop_skip_jump(meter: Meter, rng: np.random.Generator) -> None:
    """HopSkipJump: walks along the border between decisions, towards the row; asks for decisions alone.

    Source: J. Chen, M. Jordan and M. Wainwright, "HopSkipJumpAttack: a query-efficient decision-based attack", IEEE
    S&P 2020. The largest move of a lever is what it makes small, as budgets count.
    """
    _from_afar(
        meter,
        rng,
        lambda art, model: art.HopSkipJump(
            model, norm=np.inf, max_iter=MANY, init_eval=8, max_eval=40, init_size=1, batch_size=1024, verbose=False
        ),
    )


def boundary(meter: Meter, rng: np.random.Generator) -> None:
    """The boundary attack: a random walk along the border between decisions; asks for decisions alone.

    Source: W. Brendel, J. Rauber and M. Bethge, "Decision-based adversarial attacks", ICLR 2018.
    """
    _from_afar(
        meter,
        rng,
        lambda art, model: art.BoundaryAttack(
            model,
            targeted=False,
            delta=0.1,
            epsilon=0.2,
            max_iter=MANY,
            num_trial=10,
            sample_size=8,
            init_size=1,
            batch_size=1024,
            verbose=False,
        ),
    )


def zoo(meter: Meter, rng: np.random.Generator) -> None:
    """Zeroth-order optimisation: descends along slopes that it measures from scores, one lever at a time.

    Source: P.-Y. Chen and others, "ZOO: zeroth order optimization based black-box attacks", AISec 2017. Trees are flat
    between thresholds, so slopes are measured over a quarter of the box, and it begins anew in other places while
    scores are left. Its reach is the budget.
    """
    model = _classifier(meter, _scores_of(meter))
    with _art(rng) as art, contextlib.suppress(Stopped):
        start = np.zeros((1, meter.width))
        while True:
            attack = art.ZooAttack(
                model,
                confidence=0.5,
                learning_rate=0.2,
                max_iter=20,
                binary_search_steps=1,
                initial_const=100.0,
                abort_early=False,
                use_resize=False,
                use_importance=False,
                nb_parallel=meter.width,
                variable_h=0.25,
                verbose=False,
            )
            # It wants 1 for vectors when it is made, and would ask about one point at a time: as dear as all at once.
            attack.batch_size = 1024
            attack.generate(start.astype(np.float32), y=np.eye(2)[[meter.decision]])
            start = rng.uniform(meter.least, 1.0, size=(1, meter.width))


def _from_afar(meter: Meter, rng: np.random.Generator, make: Callable[[Any, Any], Any]) -> None:
    """Look for a row with the other decision, near or far, and let an attack bring it home."""
    with contextlib.suppress(Stopped):
        first = _first_example(meter, rng)
        if first is None:
            return
        with _art(rng) as art:
            attack = make(art, _classifier(meter, _decisions_of(meter)))
            origin = np.zeros((1, meter.width), dtype=np.float32)
            # With a first example given, ART draws none of its own, which it would do from a generator without a seed.
            attack.generate(origin, y=np.eye(2)[[meter.decision]], x_adv_init=first.astype(np.float32))


def _first_example(meter: Meter, rng: np.random.Generator) -> Points | None:
    count = max(BATCH, int(STARTS * meter.aim.queries))
    points = starts(meter.aim.levers, count, meter.aim.budget / meter.reach, rng)
    for begin in range(0, count, BATCH):
        batch = points[begin : begin + BATCH]
        _, flipped = meter.ask(batch)
        if flipped.any():
            found: Points = batch[int(np.argmax(flipped))][None, :]
            return found
    return None


def _decisions_of(meter: Meter) -> Callable[[Points], Points]:
    def predict(points: Points) -> Points:
        _, flipped = meter.ask(points)
        return np.eye(2)[np.where(flipped, 1 - meter.decision, meter.decision)]

    return predict


def _scores_of(meter: Meter) -> Callable[[Points], Points]:
    def predict(points: Points) -> Points:
        probability, _ = meter.ask(points)
        return np.column_stack([1 - probability, probability])

    return predict


def _classifier(meter: Meter, predict: Callable[[Points], Points]) -> Any:
    def whole(points: Points) -> Points:
        # Where scores end within a batch, the answers do too; ART wants one for each point, and is stopped next time.
        answers = predict(points)
        return np.concatenate([answers, np.repeat(answers[-1:], len(points) - len(answers), axis=0)])

    box = meter.least.astype(np.float32), np.ones(meter.width, dtype=np.float32)
    return _library()[1].BlackBoxClassifier(whole, (meter.width,), 2, clip_values=box)


@cache
def _library() -> tuple[Any, Any]:
    """ART's attacks and its classifiers; imported when first asked for, because that takes seconds."""
    with warnings.catch_warnings():
        # ART tells of every deep-learning library that is not there; trees and tables need none.
        warnings.filterwarnings("ignore", message="PyTorch not found", category=UserWarning)
        return importlib.import_module("art.attacks.evasion"), importlib.import_module("art.estimators.classification")


@contextlib.contextmanager
def _art(rng: np.random.Generator) -> Iterator[Any]:
    """Lend ART's attacks NumPy's global generator, which they draw from, and give it back as it was."""
    state = np.random.get_state()
    # Where two points fall together ART divides by nothing; the meter answers such points with the row itself.
    with np.errstate(divide="ignore", invalid="ignore"):
        np.random.seed(int(rng.integers(2**32)))
        try:
            yield _library()[0]
        finally:
            np.random.set_state(state)

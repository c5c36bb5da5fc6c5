"""All that is measured of a model's explanations, before any of it is put into words."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Estimate, FloatArray
from components.core.errors import ContractViolation
from components.judgement.explanations.accuracy import local_accuracy
from components.judgement.explanations.agreement import Agreement, agreement
from components.judgement.explanations.cohorts import Cohort, cohorts, groupings_of
from components.judgement.explanations.contributions import Contributions, contributions
from components.judgement.explanations.dependence import Bin, dependence
from components.judgement.explanations.faithfulness import Faithfulness, Score, faithfulness
from components.judgement.explanations.importance import Importance, importance
from components.judgement.explanations.interventional import Interventional
from components.judgement.explanations.margins import Matrix, NotExplained
from components.judgement.explanations.shift import Shift, compare
from components.judgement.explanations.stability import DRAWS, Stability, stability
from components.judgement.explanations.waterfall import Waterfall, waterfall
from components.judgement.subject import Part, Subject
from components.training.bundle import EXAMPLES, Bundle

EXPLAINED = 20_000
"""Most test rows explained with the model's own method."""
COMPARED = 1_000
"""Most rows on which two methods, or two models, are compared."""
SHOWN = 6
"""Features whose dependence is shown."""

NO_CHAMPION = "no champion to compare with"


@dataclass(frozen=True)
class Measured:
    """What was found of one model.

    Args:
        explained: test rows by the model's own method.
        interventional: some of them against background rows.
        importance: of the features, by the own method.
        accuracies: method → largest difference between what contributions add up to and what is served.
        agreement: between the two methods; None for a model that has one alone.
        stability: from background to background.
        faithfulness: of the own method.
        dependence: feature → its curve; the most important features.
        cohorts: why groups score above or below all others.
        waterfalls: rows of low, middling and high risk.
        shift: from the champion to this model; None without one.
        no_shift: why there is none.
        shift_rows: the rows that were compared, by their ids.
    """

    explained: Contributions
    interventional: Contributions
    importance: Importance
    accuracies: Mapping[str, Estimate]
    agreement: Agreement | None
    stability: Stability
    faithfulness: Faithfulness
    dependence: Mapping[str, tuple[Bin, ...]]
    cohorts: tuple[Cohort, ...]
    waterfalls: tuple[Waterfall, ...]
    shift: Shift | None
    no_shift: str
    shift_rows: tuple[str, ...]


def measure(subject: Subject) -> Measured:
    """Measure a model's explanations on its test rows; equal subjects give equal results.

    Raises:
        NotExplained: no contributions are known for this model's kind.
        IntegrityError: on the bundle's background rows they do not add up to the model's scores.
    """
    judged, training = subject.use_case.judgement, subject.use_case.training
    rounds, seed = training.bootstrap_rounds, training.seed
    rng = np.random.default_rng([seed, 5])
    test, train, bundle = subject.test, subject.train, subject.bundle
    rows = _some(len(test), EXPLAINED, rng)
    explained = contributions(bundle, _take(test.columns, rows))
    weights = test.weights[rows]
    weight = importance(explained, weights, rounds, seed)
    compared = _some(len(test), COMPARED, rng)
    background = _take(train.columns, _some(len(train), judged.explanations.background, rng))
    engine = Interventional(bundle)
    interventional = engine.explain(_take(test.columns, compared), background)
    accuracies = {explained.method: local_accuracy(explained)}
    alike = None
    if interventional.method != explained.method:
        accuracies[interventional.method] = local_accuracy(interventional)
        own = contributions(bundle, _take(test.columns, compared))
        alike = agreement(own.contributions, interventional.contributions, test.weights[compared], rounds, seed)
    few = _some(len(test), judged.explanations.quality_rows, rng)
    steady, faithful = _quality(subject, engine, few, rng)
    moved, why = _shift(subject, test, compared, background)
    names = explained.features
    return Measured(
        explained=explained,
        interventional=interventional,
        importance=weight,
        accuracies=accuracies,
        agreement=alike,
        stability=steady,
        faithfulness=faithful,
        dependence={
            names[i]: dependence(explained.values[:, i].astype(np.float64), explained.contributions[:, i], weights)
            for i in weight.order[:SHOWN]
        },
        cohorts=tuple(
            cohorts(
                explained,
                groupings_of(test.frame[rows], subject.use_case),
                weights,
                judged.fairness.minimum_rows,
            )
        ),
        waterfalls=tuple(waterfall(explained, row, name) for name, row in _examples(explained.probability)),
        shift=moved,
        no_shift=why,
        shift_rows=tuple(test.frame["row_id"][compared].cast(str).to_list()),
    )


def _quality(
    subject: Subject, engine: Interventional, rows: npt.NDArray[np.intp], rng: np.random.Generator
) -> tuple[Stability, Faithfulness]:
    """Measure stability and faithfulness on a few rows."""
    settings, training = subject.use_case.judgement.explanations, subject.use_case.training
    bundle, weights = subject.bundle, subject.test.weights[rows]
    learned = bundle.transform.apply(subject.train.columns)
    own = contributions(bundle, _take(subject.test.columns, rows))

    def background() -> Matrix:
        return learned[_some(len(learned), settings.background, rng)]

    drawn = np.stack([engine.matrix(own.values, background())[1] for _ in range(DRAWS)])
    rounds, seed = training.bootstrap_rounds, training.seed
    steady = stability(drawn, weights, rounds, seed)
    score = _score(bundle)
    return steady, faithfulness(score, own.values, own.contributions, background(), weights, rounds, seed)


def _score(bundle: Bundle) -> Score:
    """Return the model behind its transform: features to log-odds of the calibrated probability."""

    def score(matrix: Matrix) -> FloatArray:
        p = bundle.calibration.apply(bundle.scorer.score(matrix))
        odds: FloatArray = np.log(p) - np.log1p(-p)
        return odds

    return score


def _shift(subject: Subject, test: Part, rows: npt.NDArray[np.intp], background: Columns) -> tuple[Shift | None, str]:
    if subject.champion is None:
        return None, NO_CHAMPION
    training = subject.use_case.training
    settings = (test.weights[rows], training.bootstrap_rounds, training.seed)
    try:
        return compare(subject.bundle, subject.champion, _take(test.columns, rows), background, *settings), ""
    except (ContractViolation, NotExplained) as error:
        return None, f"the champion cannot be explained on these rows: {error}"


def _examples(probability: FloatArray) -> list[tuple[str, int]]:
    order = np.argsort(probability, kind="stable")
    return [(name, int(order[int(quantile * (len(order) - 1))])) for name, quantile in EXAMPLES.items()]


def _some(n: int, most: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    if n <= most:
        return np.arange(n)
    return np.sort(rng.choice(n, most, replace=False))


def _take(columns: Columns, rows: npt.NDArray[np.intp]) -> Columns:
    return {name: values[rows] for name, values in columns.items()}

"""How far probabilities are off within each group."""

from collections.abc import Sequence

from components.core.use_case import Training
from components.judgement.check_report import Figure
from components.judgement.fairness.comparison import Comparison
from components.judgement.fairness.metrics import Rows
from components.training.bootstrap import estimate

NAME = "relative_calibration_error"


def figures(rows: Rows, compared: Sequence[Comparison], training: Training, threshold: float) -> list[Figure]:
    """Estimate the calibration error of each group that has enough of both outcomes, as gates on slices do.

    Args:
        rows: n rows.
        compared: of the same rows.
        training: rounds, seed and costs of ``components.training.bootstrap``.
        threshold: from which probability a row is called bad.
    """
    found = []
    for c in compared:
        gaps = {f.of: f for f in c.figures if f.name == "calibration_gap"}
        for place, of in enumerate(c.groups.names):
            if gaps[of].estimate.value is None:
                found.append(gaps[of].model_copy(update={"name": NAME}))
                continue
            mine = rows.take(c.groups.codes == place)
            told = estimate(mine.probability, mine.labels, training, threshold, f"fairness/{of}", mine.weights)
            # A group with enough rows of its own minimum may still have too few for this one.
            reason = "" if told[NAME].value is not None else f"not enough data: {len(mine)} rows"
            found.append(Figure(name=NAME, of=of, estimate=told[NAME], reason=reason))
    return found

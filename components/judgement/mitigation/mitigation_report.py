"""What trying ways of mitigation found: points on a front of accuracy against fairness."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.core.contracts import Estimate
from components.judgement.mitigation.parity import Criterion
from components.judgement.mitigation.ways import Stage

Halved = Literal["yes", "unclear", "no"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Point(_Value):
    """One way at one strength, measured on rows that it was made without."""

    way: str
    """``baseline`` or one of ``ways.NAMES``."""
    stage: Stage
    strength: float
    """How hard it tried, above 0 and up to 1; 0 for the baseline."""
    reads_group: bool
    """Whether the decision on a person needs to know the person's group."""
    detail: str
    """Thresholds found, features left out …; with several folds, in the first."""
    auc: Estimate
    """Of the score that decisions follow. Where there is a threshold for each group that is the score moved by the
    group's threshold; the score itself stays the baseline's."""
    auc_change: Estimate
    """Less the baseline's, on the same draws of the rows; so all changes."""
    cost: Estimate
    """Mean cost per row of the decisions."""
    cost_change: Estimate
    balanced_accuracy: Estimate
    """Mean of the shares of bad rows that are flagged and of good rows that are not."""
    selection_rate: Estimate
    """Share of all rows with the favourable decision."""
    gap: Estimate
    """Largest rate of favourable decisions of the groups that are compared, minus the smallest."""
    gap_change: Estimate
    beyond_half: Estimate
    """Of the two groups ``apart``: their gap less half the baseline's."""
    halved: Halved
    """``yes``: the whole interval of ``beyond_half`` is at 0 or below, and the widest gap of all is no more than half
    the baseline's; ``no``: it is above 0; else ``unclear``."""
    rates: dict[str, float]
    """Rate of favourable decisions of each group that has rows, too few or not."""
    on_auc_front: bool
    """No other point has a higher AUC and no wider gap, or as high a one and a narrower gap. A single threshold that
    was moved takes no part: it leaves every ranking, and so the AUC, as it is."""
    on_cost_front: bool
    """The same of the cost."""

    @property
    def label(self) -> str:
        """Name it in a chart or a table."""
        return self.way.replace("_", " ") + (f" {self.strength:g}" if self.strength else "")


class MitigationReport(_Value):
    """Ways of mitigation beside each other, for one attribute and one criterion.

    Ways are made on train and calibration rows, and measured on test rows. Whoever then picks the best point by these
    figures has used the test rows once: its figures are a little too kind.
    """

    use_case: str
    attribute: str
    criterion: Criterion
    algorithm: str
    compared: tuple[str, ...]
    """Groups whose rates the gap is between."""
    apart: tuple[str, str]
    """The two of them that the baseline treats most differently on rows of the train and calibration splits (of the
    first part, with several folds), the favoured one first."""
    too_few: dict[str, int]
    """Groups left out of it, with their rows in the smallest split."""
    rows: int
    """Measured on."""
    folds: int
    """1: they are the test split. More: all rows, cut into so many parts, each decided on by ways made without it."""
    rounds: int
    """Of the bootstrap."""
    seed: int
    points: tuple[Point, ...]
    """The baseline first."""
    summary: tuple[str, ...]
    """Sentences with what was found."""

    @property
    def baseline(self) -> Point:
        """The model without mitigation."""
        return self.points[0]


def halved(beyond_half: Estimate, gap: Estimate, base: Estimate) -> Halved:
    """Say whether a gap was shown to be at least halved, see ``Point.halved``.

    >>> before, after = Estimate(value=0.08, n=900), Estimate(value=0.03, n=900)
    >>> halved(Estimate(value=-0.02, low=-0.03, high=-0.01, n=900), after, before)
    'yes'
    """
    ends = beyond_half.low, beyond_half.high, gap.value, base.value
    if any(end is None for end in ends):
        return "unclear"
    low, high, after, before = (float(end or 0.0) for end in ends)
    if high <= 0 and after <= before / 2:
        return "yes"
    return "no" if low > 0 else "unclear"


def front(better: list[float], gaps: list[float]) -> list[bool]:
    """Say which points no other one beats: as good in both and better in one.

    >>> front([0.8, 0.79, 0.78], [0.1, 0.05, 0.06])
    [True, True, False]

    Args:
        better: of each point, more is better.
        gaps: of each point, less is better.
    """
    points = list(zip(better, gaps, strict=True))
    return [not any(b >= x and g <= y and (b > x or g < y) for b, g in points) for x, y in points]

"""What streams are held to: the figures that a model had when it was judged, from the card in its bundle."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from components.core.contracts import Estimate
from components.core.errors import IntegrityError
from components.monitoring.detectors.detector import Baseline
from components.monitoring.expected import CARD
from components.training.evaluate import AllMetrics
from components.training.outliers import FLAGGED
from components.training.splits import TEST

WIDER = 1.32
"""Intervals of the card hold the truth with 95 %; so much wider they do with 99 %, which is what the tests promise."""

MOST_UNSURE = 0.5
"""A figure that may be off by more than this share of itself is no baseline: in a small group with three bad rows it
may be next to nothing, and would be refuted in a world that stands still."""

OUTLIERS_TOLERATED = 0.045
"""How far the share of outliers may be above the 0.5 % of the training rows."""


def baselines(bundle: Path, loss: str, rise: float) -> Mapping[tuple[str, str], Baseline]:
    """Return the baselines of the streams that the card tells of, for all rows and by group.

    Args:
        bundle: its directory; opened before, so that its checksums are known to hold.
        loss: the metric that the stream ``loss`` is of.
        rise: tolerated beyond what is not known for sure of the judged figure, as a share of it.

    Returns:
        (stream, group) → baseline; where there was too little data for a figure when the model was judged, or it is
        too unsure, there is none.

    Raises:
        IntegrityError: the bundle has no card that can be read.
    """
    path = bundle / CARD
    try:
        told = AllMetrics.validate_python(json.loads(path.read_text(encoding="utf-8"))["metrics"])
    except (OSError, ValueError, KeyError, ValidationError) as error:
        raise IntegrityError(f"{path}: no metrics can be read from it: {error}; register the model anew") from error
    found = {("outlier", "all"): Baseline(FLAGGED, OUTLIERS_TOLERATED)}
    for slice_ in told:
        if slice_.dataset != TEST:
            continue
        for stream, metric in (("loss", loss), ("decision", "flagged")):
            baseline = around(slice_.metrics.get(metric), rise)
            if baseline is not None:
                found[stream, slice_.slice] = baseline
    return found


def around(judged: Estimate | None, rise: float) -> Baseline | None:
    """Make a baseline of a judged figure: what is not known for sure of it is tolerated, and a rise beyond that.

    Args:
        judged: with its 95 % interval; one without an interval says nothing of how sure it is.
        rise: as a share of the figure.

    Returns:
        None where there is no figure, or too unsure a one.

    >>> around(Estimate(value=0.10, low=0.09, high=0.12, n=900), 0.1)
    Baseline(mean=0.1, tolerated=0.0364)
    >>> around(Estimate(value=0.10, low=0.02, high=0.18, n=40), 0.1) is None
    True
    """
    if judged is None or judged.value is None or judged.low is None or judged.high is None:
        return None
    unsure = WIDER * max(judged.high - judged.value, judged.value - judged.low)
    if unsure > MOST_UNSURE * judged.value:
        return None
    return Baseline(judged.value, round(unsure + rise * judged.value, 12))

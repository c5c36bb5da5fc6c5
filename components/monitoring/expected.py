"""What a model promised: its loss on the test rows when it was judged, from the card in its bundle."""

import json
from collections.abc import Iterable
from pathlib import Path

from pydantic import TypeAdapter

from components.core.contracts import Estimate, SliceMetrics
from components.core.errors import FairleadError, IntegrityError, unknown
from components.training.splits import TEST

CARD = "model_card.json"

_METRICS = TypeAdapter(tuple[SliceMetrics, ...])


def expected(bundle: Path, metric: str) -> Estimate:
    """Return a metric of the whole test split, with its interval, as the bundle's card has it.

    Args:
        bundle: its directory; opened before, so that its checksums are known to hold.
        metric: one of ``components.training.metrics``.

    Raises:
        IntegrityError: the bundle has no card that can be read.
        FairleadError: the card does not tell the metric.
    """
    path = bundle / CARD
    try:
        told = _METRICS.validate_python(json.loads(path.read_text(encoding="utf-8"))["metrics"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{path}: no metrics can be read from it: {error}; register the model anew") from error
    whole = [m for m in told if (m.dataset, m.slice) == (TEST, "all")]
    if not whole:
        raise FairleadError(f"{path} tells nothing of {TEST}/all; it tells of {_of(told)}")
    if metric not in whole[0].metrics:
        raise unknown(f"metric in {path}", metric, whole[0].metrics)
    return whole[0].metrics[metric]


def _of(told: Iterable[SliceMetrics]) -> str:
    return ", ".join(f"{m.dataset}/{m.slice}" for m in told) or "nothing"

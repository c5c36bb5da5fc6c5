"""The detectors by name: what each wants to see, and how one is made."""

from collections.abc import Callable
from dataclasses import dataclass

from components.core.errors import FairleadError, unknown
from components.monitoring.detectors import from_river
from components.monitoring.detectors.detector import Baseline, Detector, Direction, Wants
from components.monitoring.detectors.sequential import ALPHA, Sequential


@dataclass(frozen=True)
class Entry:
    """One detector.

    Args:
        title: for people.
        wants: what values it can make sense of.
        make: makes a fresh one that heeds a direction.
        both: whether it can tell a fall too; one that cannot is not run on streams where a fall counts.
        promise: probability, at most, of ever calling drift on a stream that stays as it is; None where nothing is
            promised.
    """

    title: str
    wants: Wants
    make: Callable[[Baseline | None, Direction], Detector]
    both: bool = True
    promise: float | None = None


def _sequential(baseline: Baseline | None, direction: Direction) -> Detector:
    if baseline is None:
        raise FairleadError(
            "the detector 'sequential' needs a baseline, the mean that the stream had when the model was judged; give "
            "one, or choose a detector that learns it from the stream"
        )
    return Sequential(baseline, direction)


DETECTORS = {
    "sequential": Entry("always-valid bets", "unit", _sequential, promise=ALPHA),
    "adwin": Entry("ADWIN", "number", lambda _, direction: from_river.Adwin(direction)),
    "page_hinkley": Entry("Page-Hinkley", "number", lambda _, direction: from_river.page_hinkley(direction)),
    "hddm_a": Entry("HDDM-A", "unit", lambda _, direction: from_river.hddm_a(direction)),
    "hddm_w": Entry("HDDM-W", "unit", lambda _, direction: from_river.hddm_w(direction)),
    "ddm": Entry("DDM", "zero_or_one", lambda _, __: from_river.ddm(), both=False),
    "eddm": Entry("EDDM", "zero_or_one", lambda _, __: from_river.eddm(), both=False),
}
"""Name → detector. ``DETECTION.md`` beside this package has how soon each finds what, and how often for nothing."""


def entry(name: str) -> Entry:
    """Return the entry of a detector.

    Raises:
        FairleadError: there is no such detector.
    """
    if name not in DETECTORS:
        raise unknown("detector", name, DETECTORS)
    return DETECTORS[name]


def make(name: str, baseline: Baseline | None = None, direction: Direction = "both") -> Detector:
    """Make a fresh detector.

    Args:
        name: one of ``DETECTORS``.
        baseline: what the stream is held to; only ``sequential`` needs it.
        direction: which changes count; ``ddm`` and ``eddm`` tell a rise alone.

    Raises:
        FairleadError: there is no such detector, or it needs a baseline.

    >>> detector = make("adwin")
    >>> detector.run([0.0, 1.0] * 200 + [5.0] * 100)[0] // 100
    4
    """
    return entry(name).make(baseline, direction)

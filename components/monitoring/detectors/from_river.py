"""Detectors of the library river, each behind the house's interface with the defaults of its authors.

All of them forget what was before a drift they have found, and learn anew what is usual from the values after it.
"""

from typing import Any, Protocol

import river.drift
import river.drift.binary

from components.monitoring.detectors.detector import Detector, Direction, State, Wants

# Half of river's methods have no types.
drift: Any = river.drift
binary: Any = river.drift.binary


class _Model(Protocol):
    """What is used of river's detectors."""

    @property
    def drift_detected(self) -> bool: ...

    def update(self, x: float) -> object: ...


class FromRiver(Detector):
    """One of river's detectors.

    Args:
        model: river's object, fresh.
        wants: what values it can make sense of.
    """

    def __init__(self, model: _Model, wants: Wants) -> None:
        super().__init__(wants)
        self._model = model

    def _see(self, value: float) -> State:
        self._model.update(value)
        if self._model.drift_detected:
            return "drift"
        # Not all of river's detectors have a zone of warning.
        return "warning" if getattr(self._model, "warning_detected", False) else "quiet"


class Adwin(Detector):
    """ADWIN: keeps a window as long as its older and newer part have the same mean, and drops the older when not.

    Source: A. Bifet and R. Gavaldà, "Learning from time-changing data with adaptive windowing", SDM 2007.

    Args:
        direction: with ``up``, a window that was cut because its mean had fallen is no drift.
    """

    def __init__(self, direction: Direction = "both") -> None:
        super().__init__("number")
        self._model = drift.ADWIN()
        self._direction = direction

    def _see(self, value: float) -> State:
        before: float = self._model.estimation
        self._model.update(value)
        if not self._model.drift_detected:
            return "quiet"
        return "drift" if self._direction == "both" or self._model.estimation > before else "quiet"


def page_hinkley(direction: Direction) -> Detector:
    """Page-Hinkley: sums how far values lie from the mean so far, and compares with the lowest the sum has been.

    Source: E. Page, "Continuous inspection schemes", Biometrika 41 (1954). Its threshold, 50, is in the unit of the
    values: on streams within 0 and 1 it is slow and rarely wrong.
    """
    return FromRiver(drift.PageHinkley(mode=direction), "number")


def ddm() -> Detector:
    """DDM: the error rate is three standard deviations above the lowest that it has been.

    Source: J. Gama, P. Medas, G. Castillo and P. Rodrigues, "Learning with drift detection", SBIA 2004.
    """
    return FromRiver(binary.DDM(), "zero_or_one")


def eddm() -> Detector:
    """EDDM: errors come closer together, by a tenth of the widest that they have been apart.

    Source: M. Baena-García and others, "Early drift detection method", IWKDDS 2006. Made for changes that come slowly;
    it has no bound on false alarms, and where errors are rare it raises many.
    """
    return FromRiver(binary.EDDM(), "zero_or_one")


def hddm_a(direction: Direction) -> Detector:
    """HDDM-A: the mean since the best point so far is above the mean before it, by Hoeffding's inequality.

    Source: I. Frías-Blanco and others, "Online and non-parametric drift detection methods based on Hoeffding's bounds",
    IEEE Transactions on Knowledge and Data Engineering 27 (2015).
    """
    return FromRiver(binary.HDDMA(two_sided_test=direction == "both"), "unit")


def hddm_w(direction: Direction) -> Detector:
    """HDDM-W: the same with exponentially weighted means, by McDiarmid's inequality: for changes that come slowly.

    Source: as of ``hddm_a``.
    """
    return FromRiver(binary.HDDMW(two_sided_test=direction == "both"), "unit")

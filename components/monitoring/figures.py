"""What a look measured beside its findings, by name, as JSON values: for the report and the exporter."""

from collections.abc import Sequence
from typing import Any

from components.monitoring.estimated import tracked
from components.monitoring.histograms import histograms
from components.monitoring.streams import Watch
from components.monitoring.values import DriftReport, Performance
from components.monitoring.watched import Watched
from components.monitoring.windows import Windows

SHOWN = 12
"""Subjects whose distribution is kept for the report: those that drifted, then those that matter most."""

TRACKED = ("log_loss", "brier", "auc")
"""Metrics whose estimates without labels are held to what came true, beside the one that alarms go by."""


def figures(
    watched: Watched, windows: Windows, drift: DriftReport | None, served: Sequence[Performance]
) -> dict[str, Any]:
    """Return what else was measured of the windows and of the estimates, as JSON values.

    Args:
        watched: the reigning model.
        windows: that were compared.
        drift: what was found.
        served: cohorts as clients were answered.

    Returns:
        ``importance`` (input or feature → share), ``histograms`` (see ``components.monitoring.histograms``),
        ``estimate_error`` (metric → ``EstimateError``), ``window_rows`` and ``trained_until``.
    """
    monitoring = watched.use_case.monitoring
    drifted = () if drift is None else tuple(s for s in drift.drifted() if s != "*")
    by_importance = sorted(watched.importance, key=lambda name: -watched.importance[name])
    subjects = [s for s in dict.fromkeys([*drifted, "probability", *by_importance]) if s in watched.kinds]
    metrics = [m for m in dict.fromkeys((monitoring.loss, *TRACKED)) if m in (*monitoring.metrics, monitoring.loss)]
    return {
        "importance": dict(watched.importance),
        "histograms": histograms(windows.reference.rows, windows.rows, subjects[:SHOWN]),
        "estimate_error": {metric: tracked(served, metric).model_dump(mode="json") for metric in metrics},
        "window_rows": len(windows.rows),
        "trained_until": watched.trained_until.isoformat(),
    }


def of_streams(watches: Sequence[Watch]) -> dict[str, Any]:
    """Return what online detectors found, as JSON values.

    Returns:
        ``detections`` (a list of ``Detection``, from old to new) and ``streams`` (a list of ``Watch``, those without
        data too, each without its detections).
    """
    detections = sorted((d for w in watches for d in w.detections), key=lambda d: (d.day, d.stream, d.detector))
    return {
        "detections": [d.model_dump(mode="json") for d in detections],
        "streams": [w.model_dump(mode="json", exclude={"detections"}) for w in watches],
    }

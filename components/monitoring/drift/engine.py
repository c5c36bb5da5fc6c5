"""The drift engine: two frames of rows in, one judged report out."""

from collections.abc import Collection, Mapping

import polars as pl

from components.core import watching
from components.core.contracts import Kind
from components.core.errors import unknown
from components.monitoring.drift.apart import Discrepancy
from components.monitoring.drift.columns import PREDICTION, measure_column
from components.monitoring.drift.effect import nothing
from components.monitoring.drift.judge import judged
from components.monitoring.drift.line import Line
from components.monitoring.drift.schema import schema_changes
from components.monitoring.drift.thresholds import require_known
from components.monitoring.drift.together import measure_embeddings, measure_together
from components.monitoring.values import DriftReport, Window


def measure_drift(
    reference: pl.DataFrame,
    current: pl.DataFrame,
    kinds: Mapping[str, Kind],
    settings: watching.Drift,
    windows: tuple[Window, Window],
    *,
    domains: Mapping[str, Collection[str]] | None = None,
    discrepancy: Discrepancy | None = None,
    reason: str = "",
    seed: int = 7,
) -> DriftReport:
    """Compare the newest rows with the reference, column by column and all together.

    Args:
        reference: rows as they were.
        current: rows as they are, in the same columns.
        kinds: subject → what it holds. ``probability`` is watched too where both frames have it.
        settings: which tests, thresholds, false discovery rate, minimum of rows.
        windows: days and rows of the reference and of the newest window, for the report.
        domains: category → its closed domain.
        discrepancy: what ``apart.measure_apart`` found, where the use case asks for ``mmd``.
        reason: why the reference is short, as ``references`` says it; told where that leaves a test without data.
        seed: of samples and splits; the same rows and seed give the same report.

    Returns:
        One result for each (subject, test): schema changes, then columns in the order of ``kinds``, columns of vectors,
        and what is told of all features together.

    Raises:
        FairleadError: a threshold is set for a test that does not exist, or a subject is in neither frame.
    """
    require_known(settings.thresholds)
    subjects = dict(kinds)
    if PREDICTION in reference.columns and PREDICTION in current.columns:
        subjects.setdefault(PREDICTION, "float")
    rows = reference.height, current.height
    for subject in subjects:
        if all(rows) and subject not in reference.columns and subject not in current.columns:
            raise unknown("subject of drift", subject, reference.columns)
    lines = []
    if all(rows):
        changes = schema_changes(reference, current, subjects, domains)
        lines = [Line(subject, "schema", test, effect, rows) for subject, test, effect in changes]
    for subject, kind in subjects.items():
        lines += measure_column(subject, kind, _column(reference, subject), _column(current, subject), settings)
    lines += measure_embeddings(reference, current, settings, seed)
    lines += measure_together(reference, current, kinds, settings, discrepancy, seed)
    if reason and reference.height < settings.minimum_rows:
        lines = [line._replace(effect=nothing(reason)) if line.effect.size is None else line for line in lines]
    return DriftReport(
        reference=windows[0],
        current=windows[1],
        false_discovery_rate=settings.false_discovery_rate,
        results=judged(lines, settings),
    )


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    """Return a column; an empty one where the frame lacks it, so that its tests come out as no data."""
    return frame[name] if name in frame.columns else pl.Series(name, [], dtype=pl.Float64)

"""Fairness over time: how the groups of each cohort were treated, by the same functions as at judgement.

Decisions are those that clients got, whichever version answered. Shares of decisions are told of all rows, as soon as
they are logged; what needs outcomes is told of mature rows, where enough of their labels have arrived in the group.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.contracts import Estimate
from components.core.errors import ContractViolation
from components.core.judging import Attribute
from components.core.use_case import UseCase
from components.judgement.check_report import Figure
from components.judgement.fairness.comparison import MEASURES, WITHOUT_LABELS, compare
from components.judgement.fairness.groups import Grouping, grouping, together
from components.judgement.fairness.metrics import Rows
from components.monitoring.label_report import by_cohort, known_until, settled_until
from components.monitoring.values import CohortFairness, Window

NEEDED = ("event_time", "probability", "decision", "mature", "matures", "label", "known_on")

WITH_LABELS = tuple(m for m in MEASURES if m not in WITHOUT_LABELS)


def fairness(
    frame: pl.DataFrame, use_case: UseCase, now: date, *, since: date | None = None
) -> tuple[CohortFairness, ...]:
    """Compare the groups of each cohort.

    Args:
        frame: watched rows, as ``Joined.at`` gives them.
        use_case: its ``judgement.fairness`` names attributes and how many rows are enough; without an attribute nothing
            is compared.
        now: as of which ``frame`` is.
        since: cohorts that ended before are left out.

    Returns:
        Cohorts from old to new; in each the attributes, then pairs of them. One whose column the log does not have is
        told once, with ``no_data``.

    Raises:
        ContractViolation: a column that every log has is missing.
        FairleadError: an attribute does not fit its column.
    """
    settings = use_case.judgement.fairness
    if not settings.attributes or frame.is_empty():
        return ()
    if missing := [name for name in NEEDED if name not in frame.columns]:
        raise ContractViolation(
            f"watched rows lack {', '.join(missing)}; found: {', '.join(frame.columns)}. Make them with Joined"
        )
    frame = frame.drop_nulls(["decision", "probability"])
    single = {a.column: grouping(frame, a) for a in settings.attributes if a.column in frame.columns}
    pairs = [together(single[a], single[b]) for a, b in settings.intersections if a in single and b in single]
    settled = _settled(frame, now)
    unlogged = [_unlogged(a, frame, now) for a in settings.attributes if a.column not in frame.columns]
    return (
        *unlogged,
        *(
            _compared(frame[places], groups.take(mask), settled[mask], window, use_case)
            for window, places, mask in _cohorts(frame, use_case, now, since)
            for groups in (*single.values(), *pairs)
        ),
    )


def _cohorts(
    frame: pl.DataFrame, use_case: UseCase, now: date, since: date | None
) -> Iterator[tuple[Window, list[int], npt.NDArray[np.bool_]]]:
    groups = by_cohort(frame.with_row_index("place"), use_case.monitoring.cohort_months, now)
    for first, last, places in groups.agg(pl.col("place").sort()).sort("first").iter_rows():
        if since is None or last >= since:
            mask = np.zeros(len(frame), dtype=bool)
            mask[places] = True
            yield Window(first=first, last=last, rows=len(places)), places, mask


def _settled(frame: pl.DataFrame, now: date) -> npt.NDArray[np.bool_]:
    """Say of which rows good and bad outcomes have had the time to come."""
    last = min(known_until(frame, now), settled_until(frame, now))
    return (frame["mature"] & (frame["matures"] <= last)).to_numpy().astype(bool)


def _compared(
    frame: pl.DataFrame, groups: Grouping, settled: npt.NDArray[np.bool_], window: Window, use_case: UseCase
) -> CohortFairness:
    settings = use_case.judgement.fairness
    decided = compare(_rows(frame), groups, settings, WITHOUT_LABELS)
    used, wanting = _covered(frame, groups, settled, use_case.monitoring.minimum_coverage)
    # Both parts are held against the same group.
    against = replace(groups.take(used), privileged=decided.against)
    labelled = compare(_rows(frame.filter(pl.Series(used))), against, settings, WITH_LABELS)
    figures = (*decided.figures, *labelled.figures)
    told = any(f.estimate.value is not None for f in figures)
    return CohortFairness(
        cohort=window,
        attribute=groups.name,
        against=decided.against,
        labelled=int(used.sum()),
        figures=figures,
        severity="green" if told else "no_data",
        reason="; ".join(wanting) or ("" if settled.any() else "no row is mature, so only decisions are compared"),
    )


def _rows(frame: pl.DataFrame) -> Rows:
    columns = (frame[name].to_numpy().astype(np.float64) for name in ("decision", "probability"))
    decision, probability = columns
    # Rows without a label are given to what looks at no label.
    labels = frame["label"].fill_null(0.0).to_numpy().astype(np.float64)
    return Rows(labels, decision, probability, np.ones(len(frame)))


def _covered(
    frame: pl.DataFrame, groups: Grouping, settled: npt.NDArray[np.bool_], minimum: float
) -> tuple[npt.NDArray[np.bool_], Sequence[str]]:
    """Say which rows have a label that counts, and of which groups too few labels have arrived."""
    labelled = settled & frame["label"].is_not_null().to_numpy()
    due, there = groups.take(settled).rows(), groups.take(labelled).rows()
    short = there < minimum * due
    told = [
        f"{name}: labels of {n:,} of {of:,} mature rows have arrived, {minimum:.0%} needed"
        for name, n, of, is_short in zip(groups.names, there, due, short, strict=True)
        if is_short
    ]
    return labelled & ~short[groups.codes], told


def _unlogged(attribute: Attribute, frame: pl.DataFrame, now: date) -> CohortFairness:
    first: date = frame["event_time"].min()  # type: ignore[assignment]  # polars types min() too widely
    nothing = Figure(
        name="selection_rate", of=attribute.column, estimate=Estimate(value=None, n=len(frame)), reason="not logged"
    )
    return CohortFairness(
        cohort=Window(first=first, last=now, rows=len(frame)),
        attribute=attribute.column,
        against=None,
        labelled=0,
        figures=(nothing,),
        severity="no_data",
        reason=f"the log has no column {attribute.column!r}: it is no input of the model, or a mask keeps it out",
    )

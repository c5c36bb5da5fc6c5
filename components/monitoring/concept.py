"""Drift of the concept in a look: what the streams of the reigning model show, and the calls made of it.

Everything here is found by tests that may be repeated at every look for as long as one likes: where the model keeps
what it promised, a call is made with a probability of one per cent for each stream, over all looks together. The other
detectors are told of in the report, and call for nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

import polars as pl

from components.core.watching import Monitoring
from components.monitoring.baselines import MOST_UNSURE, baselines
from components.monitoring.detectors.detector import Baseline
from components.monitoring.excess import NAME as EXCESS
from components.monitoring.excess import excess
from components.monitoring.streams import ALL, LOSSES, Watch, watch_streams
from components.monitoring.values import Call
from components.monitoring.watched import Watched

DETECTORS = ("sequential", "adwin")
"""Run on the streams of all rows; those of groups have the first alone."""

CALLING = ("loss", EXCESS)
"""Streams that call: that decisions or scores have moved is told by the drift of ``probability``, with its size."""


def concept(watched: Watched, rows: pl.DataFrame, now: date) -> tuple[Watch, ...]:
    """Run the detectors over the streams of the reigning model's answers.

    Args:
        watched: the reigning model; its card and its ``loss_rise`` say what its streams are held to.
        rows: watched rows as of ``now`` that it has not learned from, with ``probability`` as it has it, whoever
            answered.
        now: the day of the look.

    Returns:
        All rows first, bad outcomes beyond those expected among them, then the loss of each group of
        ``training.segments``.
    """
    monitoring = watched.use_case.monitoring
    loss = monitoring.loss if monitoring.loss in LOSSES else "log_loss"
    held = baselines(watched.bundle.path, loss, monitoring.loss_rise.amber)
    mine = rows.with_columns(decision=pl.Series(watched.bundle.decide(rows["probability"].to_numpy()), dtype=pl.Int64))
    whole = watch_streams(mine, DETECTORS, baselines=held, loss=loss)
    more = excess(mine, watched.grown, now, tolerated=_more_tolerated(held, monitoring))
    segments = watched.use_case.training.segments
    parts = watch_streams(mine, DETECTORS[:1], baselines=held, streams=["loss"], segments=segments, loss=loss)
    return (*whole, more, *(w for w in parts if w.group != ALL))


def _more_tolerated(held: Mapping[tuple[str, str], Baseline], monitoring: Monitoring) -> float:
    """Say which rise of the number of bad outcomes is tolerated: as much as of the loss, as a share.

    Whether as many rows turn bad as the model says was judged on the same rows as its loss, and is as little known.
    """
    loss = held.get(("loss", ALL))
    return monitoring.loss_rise.amber + MOST_UNSURE if loss is None else loss.tolerated / loss.mean


def concept_calls(found: Sequence[Watch], monitoring: Monitoring) -> tuple[Call, ...]:
    """Call for what the always-valid tests have refuted; it stays refuted until another model reigns.

    Amber, and red where the mean itself lies above the baseline by ``loss_rise.red`` of it: of the newest losses, or
    of all outcomes so far.

    Args:
        found: see ``concept``.
        monitoring: the use case's thresholds.
    """
    return tuple(_call(w, monitoring) for w in found if w.detector == "sequential" and w.stream in CALLING and _is(w))


def _is(watch: Watch) -> bool:
    return bool(watch.detections) and bool(watch.baseline)


def _call(watch: Watch, monitoring: Monitoring) -> Call:
    first, baseline = watch.detections[0], watch.baseline or 1.0
    level = watch.mean if watch.stream == EXCESS and watch.mean is not None else first.value
    rise = level / baseline - 1
    severity: Literal["amber", "red"] = "red" if rise >= monitoring.loss_rise.red else "amber"
    allowed = monitoring.loss_rise.red if severity == "red" else monitoring.loss_rise.amber
    if watch.stream == EXCESS:
        text = f"{level:.2g} times as many bad outcomes as the model said have come in; sure since {first.day}"
    else:
        text = (
            f"losses are above {baseline:.4f}, what they were when the model was judged, and what is tolerated beyond "
            f"it; sure since {first.day}, when the newest had a mean of {first.value:.4f}"
        )
    whole = watch.group == ALL
    return Call(
        name="loss" if whole else "group",
        subject={"loss": "streamed loss", EXCESS: "bad outcomes"}[watch.stream] if whole else watch.group,
        severity=severity,
        value=rise,
        threshold=allowed,
        summary=text if whole else f"{watch.group}: {text}",
    )

"""Absolute gates: a metric on a slice of the test rows must clear a threshold."""

import math
import operator
from collections.abc import Callable, Sequence

from components.core.contracts import Estimate, GateResult, GateVerdict, SliceMetrics
from components.core.errors import unknown
from components.core.gating import Floor

DATASET = "test"
"""Floors decide on rows that were mature at the training date; the backtest is hindsight and only reported."""


def judge_floor(floor: Floor, metrics: Sequence[SliceMetrics]) -> list[GateResult]:
    """Judge one floor on every slice that it names, in the order of the slices' names.

    Too few rows, or no interval where one end of it decides, is ``no_data`` and blocks; a metric that is not a finite
    number fails. With a wildcard, a slice with too few rows does not block as long as another slice had enough: small
    slices are to be expected, but a gate that judged nothing has not passed.

    Raises:
        FairleadError: no such slice or metric among the test metrics; lists those there are.
    """
    slices = {m.slice: m.metrics for m in metrics if m.dataset == DATASET}
    wildcard = floor.slice.endswith("*")
    chosen = sorted(s for s in slices if _matches(s, floor.slice))
    if not chosen:
        raise unknown(f"slice in gate {floor.gate!r}", floor.slice, sorted(slices), f"They are of {DATASET!r}.")
    for name in chosen:
        if floor.metric not in slices[name]:
            raise unknown(f"metric in gate {floor.gate!r} on slice {name!r}", floor.metric, sorted(slices[name]))
    found = {name: slices[name][floor.metric] for name in chosen}
    may_pass_over = wildcard and not all(_too_few(floor, f) for f in found.values())
    return [
        _judge(floor, name, f, floor.blocking and not (may_pass_over and _too_few(floor, f)))
        for name, f in found.items()
    ]


def _matches(name: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return name != "all" and name.startswith(pattern[:-1])
    return name == pattern


def _too_few(floor: Floor, found: Estimate) -> bool:
    return found.value is None or found.n < floor.minimum_rows


def _judge(floor: Floor, name: str, found: Estimate, blocking: bool) -> GateResult:
    threshold, clears, sign = _threshold(floor)
    value = {"low": found.low, "value": found.value, "high": found.high}[floor.bound]
    whole = all(math.isfinite(v) for v in (found.value, value) if v is not None)
    verdict: GateVerdict
    if _too_few(floor, found):
        verdict, reason = "no_data", f"{found.n} rows; needs {floor.minimum_rows} and both outcomes"
    elif value is None:
        verdict, reason = "no_data", f"no interval was estimated (n={found.n})"
    elif not whole:
        verdict, reason = "fail", f"the metric is {found}"
    else:
        verdict, reason = ("pass" if clears(value, threshold) else "fail"), ""
    return GateResult(
        gate=floor.gate,
        check=f"{DATASET}/{name} {floor.metric}.{floor.bound} {sign} {threshold:g}",
        threshold=threshold,
        value=value if whole else None,
        verdict=verdict,
        estimate=found if whole else None,
        reason=reason,
        blocking=blocking,
    )


def _threshold(floor: Floor) -> tuple[float, Callable[[float, float], bool], str]:
    """Return the threshold, the comparison that clears it, and its sign."""
    if floor.minimum is not None:
        return floor.minimum, operator.ge, ">="
    if floor.maximum is not None:
        return floor.maximum, operator.le, "<="
    raise AssertionError("a floor has exactly one threshold")

"""Gates on the figures of the checks: an end of an interval must keep to a threshold."""

import math
import operator
from collections.abc import Callable, Sequence

from components.core.contracts import Estimate, GateResult, GateVerdict
from components.core.errors import unknown
from components.core.gating import Limit
from components.judgement.check_report import CheckReport, Figure


def judge_limit(limit: Limit, reports: Sequence[CheckReport]) -> list[GateResult]:
    """Judge one limit on every figure that it names, in the order of what they are of.

    Too little data, or no interval where one end of it decides, is ``no_data`` and blocks; so is a check that was left
    out or did not run. With a wildcard, a figure with too little data does not block as long as another one had
    enough; with ``required`` false none does.

    Raises:
        FairleadError: the check has no such figure, or none of that; lists those there are.
    """
    report = next((r for r in reports if r.check == limit.check), None)
    if report is None or report.omitted:
        why = "the check did not run" if report is None else f"the check was left out: {report.omitted}"
        return [_result(limit, limit.of, None, "no_data", why, limit.blocking)]
    named = [f for f in report.figures if f.name == limit.figure]
    if not named:
        names = dict.fromkeys(f.name for f in report.figures)
        raise unknown(f"figure of {limit.check!r} in gate {limit.gate!r}", limit.figure, names)
    chosen = sorted((f for f in named if _matches(f.of, limit.of)), key=lambda f: f.of)
    if not chosen:
        raise unknown(f"{limit.figure} in gate {limit.gate!r} of", limit.of, [f.of for f in named])
    enough = any(not _too_few(limit, f) for f in chosen)
    may_pass_over = not limit.required or (limit.of.endswith("*") and enough)
    return [_judge(limit, f, limit.blocking and not (may_pass_over and _too_few(limit, f))) for f in chosen]


def _matches(of: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return of != "all" and of.startswith(pattern[:-1])
    return of == pattern


def _too_few(limit: Limit, figure: Figure) -> bool:
    return figure.estimate.value is None or figure.estimate.n < limit.minimum_rows


def _judge(limit: Limit, figure: Figure, blocking: bool) -> GateResult:
    found = figure.estimate
    value = {"low": found.low, "value": found.value, "high": found.high}[limit.bound]
    whole = all(math.isfinite(v) for v in (found.value, value) if v is not None)
    if _too_few(limit, figure):
        reason = figure.reason or f"{found.n} rows; needs {limit.minimum_rows}"
        told = f"not enough data: {reason.removeprefix('not enough data: ')}"
        return _result(limit, figure.of, None, "no_data", told, blocking)
    if value is None:
        return _result(limit, figure.of, None, "no_data", f"no interval was estimated (n={found.n})", blocking)
    if not whole:
        return _result(limit, figure.of, None, "fail", f"the figure is {found}", blocking)
    threshold, clears, _ = _threshold(limit)
    return _result(limit, figure.of, value, "pass" if clears(value, threshold) else "fail", "", blocking, found)


def _result(
    limit: Limit,
    of: str,
    value: float | None,
    verdict: GateVerdict,
    reason: str,
    blocking: bool,
    estimate: Estimate | None = None,
) -> GateResult:
    threshold, _, sign = _threshold(limit)
    of = "" if of == "all" else f" of {of}"
    end = "" if limit.bound == "value" else f".{limit.bound}"
    return GateResult(
        gate=limit.gate,
        check=f"{limit.check}: {limit.figure}{end}{of} {sign} {threshold:g}",
        threshold=threshold,
        value=value,
        verdict=verdict,
        estimate=estimate,
        reason=reason,
        blocking=blocking,
    )


def _threshold(limit: Limit) -> tuple[float, Callable[[float, float], bool], str]:
    """Return the threshold, the comparison that clears it, and its sign."""
    if limit.minimum is not None:
        return limit.minimum, operator.ge, ">="
    if limit.maximum is not None:
        return limit.maximum, operator.le, "<="
    raise AssertionError("a limit has exactly one threshold")

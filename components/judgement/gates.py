"""Gates: every check that can stop a release, as one table of results."""

import math
from collections.abc import Sequence

from components.core.contracts import Estimate, GateResult, SliceMetrics
from components.core.errors import FairleadError, GateFailed
from components.core.gating import Champion
from components.core.use_case import UseCase
from components.judgement.check_report import CheckReport
from components.judgement.compare import Comparison
from components.judgement.floors import judge_floor
from components.judgement.leakage_report import LeakageReport
from components.judgement.limits import judge_limit
from components.judgement.text_table import number, text_table


def judge(
    use_case: UseCase,
    metrics: Sequence[SliceMetrics],
    *,
    comparison: Comparison | None,
    behaviours: Sequence[GateResult],
    latency_p95_ms: Estimate | None,
    parity_max_abs: Estimate | None,
    leakage: LeakageReport,
    checks: Sequence[CheckReport] = (),
) -> list[GateResult]:
    """Hold everything that was measured against the use case's gates.

    A gate that had nothing to decide on says ``no_data``, and a blocking one stops the release with it: what was not
    measured has not passed. The one exception is a slice of a wildcard floor with too few rows (see
    ``components.judgement.floors``).

    Args:
        use_case: holds the gates.
        metrics: of the candidate; floors decide on the data set ``test``.
        comparison: with the champion on the test rows; None when there is no champion yet.
        behaviours: results of the behavioural tests.
        latency_p95_ms: 95th percentile of single-row calls in milliseconds; None when it was not measured.
        parity_max_abs: largest difference between offline and served probabilities; None when it was not measured.
        leakage: report of the leakage check.
        checks: reports of the other checks; ``gates.limits`` decide on their figures.

    Raises:
        FairleadError: a floor or a limit names what was not measured; lists what was.
    """
    results = [result for floor in use_case.gates.floors for result in judge_floor(floor, metrics)]
    results.append(_champion(use_case.gates.champion, comparison))
    results += behaviours
    limits = use_case.gates
    results.append(_at_most("latency", "p95 of single-row calls, ms", limits.latency_p95_ms, latency_p95_ms))
    results.append(_at_most("parity", "largest |offline - served|", limits.parity_max_abs, parity_max_abs))
    results.append(_leakage(leakage))
    results += [result for limit in limits.limits for result in judge_limit(limit, checks)]
    return results


def blocks(result: GateResult) -> bool:
    """Say whether a result stops the release: it is blocking and anything but a pass."""
    return result.blocking and result.verdict != "pass"


def require(results: Sequence[GateResult]) -> None:
    """Raise when a gate stops the release, or when there is no gate at all.

    Raises:
        GateFailed: its text is the table of all gates.
    """
    if not results:
        raise GateFailed("no gate was judged, so nothing vouches for this model")
    stopped = list(dict.fromkeys(r.gate for r in results if blocks(r)))
    if stopped:
        raise GateFailed(f"stopped by {', '.join(stopped)}\n{table(results)}")


def table(results: Sequence[GateResult]) -> str:
    """Write the results as plain text: gate, check, threshold, what was measured, verdict; then the reasons given."""
    rows = [[r.gate, r.check, number(r.threshold), _measured(r), _verdict(r)] for r in results]
    reasons = [f"{r.gate} ({r.check}): {r.reason}" for r in results if r.reason]
    return "\n".join([text_table(["gate", "check", "threshold", "measured", "verdict"], rows), *reasons])


def _measured(result: GateResult) -> str:
    return number(result.value) if result.estimate is None else str(result.estimate)


def _verdict(result: GateResult) -> str:
    words = {"pass": "pass", "fail": "FAIL", "no_data": "no data"}[result.verdict]
    return words if result.blocking or result.verdict == "pass" else f"{words} (not blocking)"


def _champion(champion: Champion, comparison: Comparison | None) -> GateResult:
    allowed = _margin(champion, comparison)
    share = "" if champion.margin_share is None else f" {champion.margin_share:.0%} of it"
    check = f"test/all {champion.metric} worse than the champion's by high <={share or f' {champion.margin:g}'}"
    if comparison is None:
        return GateResult(
            gate="champion",
            check=check,
            threshold=allowed,
            value=None,
            verdict="pass",
            reason="first model: nothing to beat",
        )
    if comparison.metric != champion.metric:
        raise FairleadError(
            f"gates.champion decides by {champion.metric}, but the models were compared by {comparison.metric}; "
            f"compare them by {champion.metric}"
        )
    worst = comparison.worse_by.high
    if comparison.worse_by.value is None or worst is None:
        return GateResult(
            gate="champion",
            check=check,
            threshold=allowed,
            value=None,
            verdict="no_data",
            blocking=champion.required,
            reason="too few rows of both outcomes that the champion could score and did not learn from "
            f"(n={comparison.worse_by.n})",
        )
    finite = math.isfinite(worst) and math.isfinite(comparison.worse_by.value)
    return GateResult(
        gate="champion",
        check=check,
        threshold=allowed,
        value=worst if finite else None,
        verdict="pass" if finite and allowed is not None and worst <= allowed else "fail",
        estimate=comparison.worse_by if finite else None,
        reason=f"candidate {number(comparison.candidate)}, champion {number(comparison.champion)}, "
        f"worse by {comparison.worse_by}",
    )


def _at_most(gate: str, what: str, limit: float, found: Estimate | None) -> GateResult:
    value = None if found is None else found.value
    if value is None:
        reason = "not measured" if found is None else f"nothing measured (n={found.n})"
        return GateResult(
            gate=gate, check=f"{what} <= {limit:g}", threshold=limit, value=None, verdict="no_data", reason=reason
        )
    finite = math.isfinite(value)
    return GateResult(
        gate=gate,
        check=f"{what} <= {limit:g}",
        threshold=limit,
        value=value if finite else None,
        verdict="pass" if finite and value <= limit else "fail",
        estimate=found if finite else None,
        reason="" if finite else f"measured {value}",
    )


def _leakage(report: LeakageReport) -> GateResult:
    leaking = list(dict.fromkeys(f.column for f in report.leaks))
    judged = report.verdict != "no_data"
    kept_out = [c for c in report.flagged if c not in leaking]
    reason = f"know the outcome and are kept out: {', '.join(kept_out)}" if kept_out else ""
    if leaking:
        reason = f"know the outcome and may reach the model: {', '.join(leaking)}"
    return GateResult(
        gate="leakage",
        check="columns that know the outcome and are not excluded <= 0",
        threshold=0.0,
        value=float(len(leaking)) if judged else None,
        verdict=report.verdict,
        reason=reason if judged else f"too few rows of one outcome among {report.sampled}",
    )


def _margin(champion: Champion, comparison: Comparison | None) -> float | None:
    """Return the margin in the metric's own unit; None where it is a share of what nobody knows."""
    if champion.margin_share is None:
        return champion.margin
    if comparison is None or comparison.champion is None:
        return None
    # Of the AUC, of which more is better, what it lacks of 1 is what a share can be taken of.
    has = 1 - comparison.champion if champion.metric == "auc" else comparison.champion
    return champion.margin_share * has

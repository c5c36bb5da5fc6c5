"""From what tests found to green, amber and red, with few false alarms however many columns there are."""

from collections.abc import Sequence

from scipy import stats

from components.core import watching
from components.monitoring.drift.line import Line
from components.monitoring.drift.thresholds import threshold
from components.monitoring.values import Drift, Severity


def judged(lines: Sequence[Line], settings: watching.Drift) -> tuple[Drift, ...]:
    """Judge each line: amber and red need the size, and a discovery.

    All p-values of a report are one family, of which Benjamini and Hochberg's rule (1995) takes those that can be taken
    with a false discovery rate of ``settings.false_discovery_rate``. On a world that stands still every discovery is
    false, and so the share of reports with any is held to that rate too (Simes, 1986). The rule is proven for
    independent tests and for such as hang together positively (Benjamini and Yekutieli, 2001), as several tests of one
    column or columns derived from one another do; how often it errs on real columns is measured by
    ``pipelines.benchmarks.false_alarms``.

    A test without a p-value is discovered when one with a p-value, on the same subject and of the same kind, is: by
    its size alone it would alarm at small samples. Schema changes are facts and need no discovery.

    Args:
        lines: those not ``shown`` take part in the family and are left out of the result.
        settings: thresholds by test and the rate.
    """
    family = [i for i, line in enumerate(lines) if line.effect.size is not None and line.effect.p_value is not None]
    found: set[int] = set()
    if family:
        adjusted = stats.false_discovery_control([lines[i].effect.p_value for i in family], method="bh")
        found = {i for i, p in zip(family, adjusted, strict=True) if p <= settings.false_discovery_rate}
    subjects = {(lines[i].subject, lines[i].kind) for i in found}
    return tuple(
        _judge(line, i in found if line.effect.p_value is not None else (line.subject, line.kind) in subjects, settings)
        for i, line in enumerate(lines)
        if line.shown
    )


def _judge(line: Line, discovered: bool, settings: watching.Drift) -> Drift:
    allowed = threshold(line.test, settings.thresholds)
    discovered = discovered or (line.kind == "schema" and line.effect.size is not None)
    return Drift(
        subject=line.subject,
        kind=line.kind,
        test=line.test,
        effect=line.effect.size,
        p_value=line.effect.p_value,
        discovered=discovered,
        amber=allowed.amber,
        red=allowed.red,
        reference_rows=line.rows[0],
        current_rows=line.rows[1],
        severity=_severity(line.effect.size, discovered, allowed),
        reason=line.effect.reason,
    )


def _severity(size: float | None, discovered: bool, allowed: watching.Threshold) -> Severity:
    if size is None:
        return "no_data"
    if not discovered or size < allowed.amber:
        return "green"
    return "red" if size >= allowed.red else "amber"

"""Pipeline steps from the prediction log to findings, alerts and a report."""

from kfp.dsl import HTML, Artifact, Dataset, Input, Metrics, Output, OutputPath

from components.component import step


@step("platform")
def collect_rows(
    use_case: str,
    now: str,
    log: str,
    outcomes: str,
    rows: Output[Dataset],
    bundle: Output[Artifact],
    version: OutputPath(str),  # type: ignore[valid-type]  # the form that kfp takes
    day: OutputPath(str),  # type: ignore[valid-type]
    apart: OutputPath(str),  # type: ignore[valid-type]
):
    """Join logged predictions with what is known of their outcomes by the day, and fetch the champion.

    ``apart`` says whether the use case asks for a test that needs an environment of its own: its name, or nothing.
    """
    from pathlib import Path

    from components.core.config import read_settings
    from components.core.use_case import load
    from components.monitoring.collect import APART, collect

    case = load(use_case)
    told = collect(case, now, log, outcomes, read_settings(), Path(rows.path), Path(bundle.path))
    Path(version).write_text(told[0])
    Path(day).write_text(told[1])
    Path(apart).write_text(APART if APART in case.monitoring.drift.multivariate else "")


@step("platform")
def lay_out_windows(
    use_case: str,
    version: str,
    day: str,
    features: Input[Dataset],
    rows: Input[Dataset],
    bundle: Input[Artifact],
    windows: Output[Dataset],
):
    """Write the newest window and its reference as matrices, for a test in an environment of its own."""
    from pathlib import Path

    from components.core.use_case import load
    from components.monitoring.collect import lay_out

    given = Path(features.path), Path(rows.path), Path(bundle.path)
    lay_out(load(use_case), day, version, *given, Path(windows.path))


@step("drift")
def measure_discrepancy(
    windows: Input[Dataset],
    discrepancy: OutputPath(str),  # type: ignore[valid-type]
):
    """Measure the maximum mean discrepancy by alibi-detect; writes JSON."""
    from pathlib import Path

    from components.monitoring.drift.discrepancy import measure

    measure(Path(windows.path), Path(discrepancy))


@step("platform")
def measure_nothing(discrepancy: OutputPath(str)):  # type: ignore[valid-type]
    """Stand in for ``measure_discrepancy`` where the use case does not ask for it."""
    from pathlib import Path

    from components.monitoring.collect import NOTHING

    Path(discrepancy).write_text(NOTHING)


@step("platform")
def look(
    use_case: str,
    version: str,
    day: str,
    discrepancy: str,
    features: Input[Dataset],
    rows: Input[Dataset],
    bundle: Input[Artifact],
    findings: Output[Artifact],
    metrics: Output[Metrics],
):
    """Measure drift, performance, labels and causes, and make calls of them."""
    from pathlib import Path

    from components.core.use_case import load
    from components.monitoring.collect import headline, look_at

    given = Path(features.path), Path(rows.path), Path(bundle.path)
    found = look_at(load(use_case), day, version, *given, discrepancy)
    Path(findings.path).write_text(found.model_dump_json(indent=1))
    metrics.metadata.update(headline(found))
    Path(metrics.path).touch()


@step("platform")
def raise_alerts(use_case: str, findings: Input[Artifact], events: Output[Artifact]):
    """Take what was found into the alert book, and tell those who are to be told."""
    from pathlib import Path

    from components.core.config import read_settings
    from components.core.use_case import load
    from components.monitoring.collect import raise_alerts

    told = raise_alerts(load(use_case), Path(findings.path), read_settings())
    Path(events.path).write_text(told)


@step("platform")
def write_look_report(findings: Input[Artifact], report: Output[HTML]):
    """Write one page that tells all of a look."""
    from pathlib import Path

    from components.monitoring.report import write_report
    from components.monitoring.values import Findings

    write_report(Findings.model_validate_json(Path(findings.path).read_bytes()), Path(report.path))

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
):
    """Join logged predictions with what is known of their outcomes by the day, and fetch the champion."""
    from pathlib import Path

    from components.core.config import read_settings
    from components.core.use_case import load
    from components.monitoring.collect import collect

    told = collect(load(use_case), now, log, outcomes, read_settings(), Path(rows.path), Path(bundle.path))
    Path(version).write_text(told[0])
    Path(day).write_text(told[1])


@step("platform")
def look(
    use_case: str,
    version: str,
    day: str,
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

    found = look_at(load(use_case), day, version, Path(features.path), Path(rows.path), Path(bundle.path))
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

"""Pipeline steps that record and report a run."""

from kfp.dsl import HTML, Artifact, Dataset, Input, Model, Output, PipelineTaskFinalStatus

from components.component import step


@step("platform")
def report_outcome(use_case: str, status: PipelineTaskFinalStatus):
    """Record in the ledger how a run ended, whichever way it did."""
    from components.core.config import read_settings
    from components.core.use_case import load
    from components.governance.outcome import record_outcome

    record_outcome(
        read_settings(), load(use_case).name, status.pipeline_job_resource_name, status.state, status.error_message
    )


@step("platform")
def write_report(
    use_case: str,
    as_of: str,
    champion: str,
    uri: str,
    clean: Input[Dataset],
    quarantine: Input[Dataset],
    rows: Input[Artifact],
    schema: Input[Artifact],
    leakage: Input[Artifact],
    labels: Input[Artifact],
    slices: Input[Artifact],
    curves: Input[Artifact],
    chosen: Input[Artifact],
    verdict: Input[Artifact],
    smoke: Input[Artifact],
    explanations: Input[Artifact],
    registered: Input[Artifact],
    bundle: Input[Model],
    checks: Input[list[Artifact]],
    report: Output[HTML],
):
    """Write the run's report: one page that needs no network."""
    from pathlib import Path

    from components.core.use_case import as_of_date, load
    from components.governance.report import Records, write_report

    case = load(use_case)
    inputs = {"clean": clean, "quarantine": quarantine, "rows": rows, "schema": schema, "leakage": leakage}
    inputs |= {"labels": labels, "slices": slices, "curves": curves, "chosen": chosen, "verdict": verdict}
    inputs |= {"smoke": smoke, "explanations": explanations, "registered": registered, "bundle": bundle}
    reports = tuple(Path(c.path) for c in checks)
    records = Records(**{name: Path(artifact.path) for name, artifact in inputs.items()}, checks=reports)
    write_report(case, as_of_date(case, as_of), champion, uri, records, Path(report.path))

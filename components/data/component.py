"""Pipeline steps from the raw table to clean rows."""

from kfp.dsl import Artifact, Dataset, Input, Metrics, Output

from components.component import step


@step("platform")
def ingest(use_case: str, source: str, freshness: str, raw: Output[Dataset]) -> str:
    """Copy the raw table from its source and return the sha256 of its bytes.

    ``freshness`` only tells one content of the source from the next, so that a cached copy is not taken for a new one.
    """
    from pathlib import Path

    from components.core.use_case import load
    from components.data.ingest import ingest

    found = ingest(load(use_case).data, Path(raw.path), source or None)
    raw.metadata.update(rows=found.rows, source=found.source, data_hash=found.data_hash, freshness=freshness)
    return found.data_hash


@step("tfdv")
def validate_schema(use_case: str, as_of: str, raw: Input[Dataset], report: Output[Artifact]):
    """Compare the table as a whole with the curated schema; an anomaly in its structure stops the run."""
    from pathlib import Path

    from components.core.use_case import as_of_date, load
    from components.data.schema import require, validate_schema

    case = load(use_case)
    found = validate_schema(Path(raw.path), case, as_of_date(case, as_of))
    Path(report.path).write_text(found.model_dump_json())
    require(found)


@step("platform")
def check_rows(
    use_case: str,
    raw: Input[Dataset],
    clean: Output[Dataset],
    quarantine: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
    repaired: str = "",
    freshness: str = "",
):
    """Set rows that break an expectation aside with the reason, unless repaired; too many of them stop the run.

    ``freshness`` only tells one content of the repaired rows from the next, as in ``ingest``.
    """
    from pathlib import Path

    from components.core.use_case import load
    from components.data.repaired import check_with_repairs

    found = check_with_repairs(Path(raw.path), load(use_case).data, Path(clean.path), Path(quarantine.path), repaired)
    Path(report.path).write_text(found.model_dump_json())
    clean.metadata.update(repaired=repaired, repaired_sha256=found.repaired_sha256 or "", freshness=freshness)
    metrics.metadata.update(rows=found.rows, quarantined=found.quarantined, repaired=found.repaired)
    Path(metrics.path).touch()

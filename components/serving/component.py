"""Pipeline step that serves a bundle before it may be registered."""

from kfp.dsl import Artifact, Dataset, Input, Metrics, Model, Output

from components.component import step


@step("platform")
def smoke_test(
    bundle: Input[Model],
    dataset: Input[Dataset],
    predictions: Input[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
):
    """Serve the bundle in a fresh process, score rows over V2 and compare with the scores from training."""
    from pathlib import Path

    from components.core.config import read_settings
    from components.serving.smoke import smoke

    found = smoke(Path(bundle.path), Path(dataset.path), Path(predictions.path), read_settings())
    Path(report.path).write_text(found.model_dump_json(indent=1))
    metrics.metadata.update(parity_max_abs=found.parity_max_abs, latency_p95_ms=found.latency_p95_ms)
    Path(metrics.path).touch()

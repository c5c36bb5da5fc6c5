"""Pipeline steps from clean rows to features as they were known at the time."""

from kfp.dsl import Artifact, Dataset, Input, Output

from components.component import step


@step("platform")
def build_features(
    use_case: str,
    clean: Input[Dataset],
    store: Output[Artifact],
    features: Output[Dataset],
    report: Output[Artifact],
):
    """Write the entities' histories to a feature store and join them, point in time, to every row."""
    from pathlib import Path

    from components.core.use_case import load
    from components.features.store import build_features

    found = build_features(Path(clean.path), load(use_case), Path(store.path), Path(features.path))
    Path(report.path).write_text(found.model_dump_json(indent=1))

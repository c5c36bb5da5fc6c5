"""Pipeline steps that reach tracking and the registry."""

from kfp.dsl import HTML, Artifact, Dataset, Input, Model, Output

from components.component import step


@step("platform")
def track(
    draft: Input[Model],
    chosen: Input[Artifact],
    slices: Input[Artifact],
    curves: Input[Artifact],
    plots: Input[HTML],
    labels: Input[Artifact],
    checks: Input[list[Artifact]],
) -> str:
    """Log the training run to MLflow, whether or not it will pass its gates; returns the id of MLflow's run."""
    from pathlib import Path

    from components.core.artifacts import hash_file
    from components.core.config import read_settings
    from components.core.contracts import Contract
    from components.judgement.checks import as_metrics, read_reports
    from components.registry.tracking import log_run
    from components.training.evaluate import AllMetrics
    from components.training.tune import Trial

    contract = Contract.read(Path(draft.path) / "contract.json")
    trial = Trial.model_validate_json(Path(chosen.path).read_bytes())
    parameters = {"algorithm": trial.algorithm, "as_of": contract.as_of, "seed": trial.seed, **trial.parameters}
    reports = read_reports([Path(c.path) for c in checks])
    metrics = [*AllMetrics.validate_json(Path(slices.path).read_bytes()), *as_metrics(reports)]
    key = hash_file(Path(draft.path) / "checksums.json")[:12]
    files = [Path(curves.path), Path(plots.path), Path(labels.path)]
    return log_run(read_settings(), contract.model, key, contract.data_hash, parameters, metrics, files).run_id


@step("platform")
def score_champion(
    use_case: str, dataset: Input[Dataset], predictions: Output[Dataset], champion: Output[Model]
) -> str:
    """Fetch the champion and score the candidate's rows with it; returns its version, empty when there is none yet."""
    from pathlib import Path

    from components.core.config import read_settings
    from components.core.use_case import load
    from components.registry.champion import score_champion

    paths = [Path(a.path) for a in (dataset, predictions, champion)]
    return score_champion(load(use_case), *paths, settings=read_settings())


@step("platform")
def register(
    use_case: str,
    run_id: str,
    bundle: Input[Model],
    chosen: Input[Artifact],
    slices: Input[Artifact],
    verdict: Input[Artifact],
    smoke: Input[Artifact],
    registered: Output[Artifact],
) -> str:
    """Register the signed, gated and smoke-tested bundle as challenger; returns its URI in the registry."""
    from pathlib import Path

    from components.core.config import read_settings
    from components.core.use_case import load
    from components.judgement.verdict import Verdict
    from components.registry.registry import Registry
    from components.training.evaluate import AllMetrics
    from components.training.tune import Trial

    found = Registry(read_settings()).register(
        Path(bundle.path),
        load(use_case).name,
        AllMetrics.validate_json(Path(slices.path).read_bytes()),
        Verdict.model_validate_json(Path(verdict.path).read_bytes()).gates,
        Path(smoke.path),
        Trial.model_validate_json(Path(chosen.path).read_bytes()).parameters,
        run_id,
    )
    Path(registered.path).write_text(found.model_dump_json())
    return f"models:/{found.use_case}/{found.version}"


@step("platform")
def fetch_model(use_case: str, version: str, bundle: Output[Model]) -> str:
    """Fetch a registered version, verified; the champion where none is named. Returns its version."""
    from pathlib import Path

    from components.core.config import read_settings
    from components.core.use_case import load
    from components.registry.champion import fetch_model

    return fetch_model(load(use_case).name, version, Path(bundle.path), read_settings())

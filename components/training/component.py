"""Pipeline steps from features to a signed bundle."""

from kfp.dsl import HTML, Artifact, ClassificationMetrics, Dataset, Input, Metrics, Model, Output

from components.component import step


@step("platform")
def label_rows(
    use_case: str,
    as_of: str,
    window: str,
    features: Input[Dataset],
    dataset: Output[Dataset],
    report: Output[Artifact],
):
    """Label the rows whose outcome had time to show by the training date, and split them by time."""
    from pathlib import Path

    from components.core.retrained import load_for_training
    from components.core.use_case import as_of_date
    from components.training.labels import label_rows

    case = load_for_training(use_case, window)
    label_rows(Path(features.path), case, as_of_date(case, as_of), Path(dataset.path)).write(Path(report.path))


@step("platform")
def tune(use_case: str, window: str, shard: dict, dataset: Input[Dataset], trials: Output[Artifact]):
    """Search hyperparameters: one shard of the search, with an algorithm, a seed and a number of trials of its own."""
    from pathlib import Path

    from components.core.retrained import load_for_training
    from components.training.tune import Trials, search

    case = load_for_training(use_case, window)
    found = search(Path(dataset.path), case, shard["algorithm"], int(shard["trials"]), int(shard["seed"]))
    Path(trials.path).write_bytes(Trials.dump_json(found, indent=1))


@step("platform")
def identify_watermark_key(use_case: str) -> str:
    """Return the id of the key that models are marked with here, empty where the use case asks for no marks."""
    from components.core.config import read_settings
    from components.core.use_case import load
    from components.training.watermark import key_for

    key = key_for(load(use_case), read_settings().watermark_key)
    return "" if key is None else key.id


@step("platform")
def train(
    use_case: str,
    as_of: str,
    window: str,
    data_hash: str,
    features: Input[Dataset],
    dataset: Input[Dataset],
    trials: Input[list[Artifact]],
    draft: Output[Model],
    predictions: Output[Dataset],
    chosen: Output[Artifact],
    watermark: str,
):
    """Train one model with the best trial's hyperparameters; write it as a bundle, and its scores of every row.

    ``watermark`` is the id of the key that it is marked with, empty for no marks: with it among the arguments, another
    key is not taken for the one that trained before.
    """
    from pathlib import Path

    from components.core.config import read_settings
    from components.core.retrained import load_for_training
    from components.core.use_case import as_of_date
    from components.training.bundle import write
    from components.training.train import predict, train
    from components.training.tune import Trials, best
    from components.training.watermark import key_for

    case = load_for_training(use_case, window)
    trial = best([t for shard in trials for t in Trials.validate_json(Path(shard.path).read_bytes())])
    Path(chosen.path).write_text(trial.model_dump_json())
    rows = Path(dataset.path)
    candidate = train(rows, case, trial, key_for(case, read_settings().watermark_key, watermark))
    predict(candidate, rows, case, Path(predictions.path))
    write(candidate, case, rows, as_of_date(case, as_of), data_hash, Path(draft.path), Path(features.path))


@step("platform")
def evaluate(
    use_case: str,
    dataset: Input[Dataset],
    draft: Input[Model],
    predictions: Input[Dataset],
    slices: Output[Artifact],
    curves: Output[Artifact],
    plots: Output[HTML],
    metrics: Output[Metrics],
    roc: Output[ClassificationMetrics],
):
    """Measure the candidate, every metric with its interval, overall, by year and by segment."""
    from pathlib import Path

    from components.core.contracts import Contract
    from components.core.use_case import load
    from components.training.charts import page
    from components.training.curves import AllCurves, roc_points
    from components.training.curves import curves as measure_curves
    from components.training.evaluate import AllMetrics, evaluate, headline

    threshold = Contract.read(Path(draft.path) / "contract.json").threshold
    found = evaluate(Path(dataset.path), Path(predictions.path), load(use_case), threshold)
    Path(slices.path).write_bytes(AllMetrics.dump_json(found, indent=1))
    drawn = measure_curves(Path(dataset.path), Path(predictions.path), threshold)
    Path(curves.path).write_bytes(AllCurves.dump_json(drawn))
    Path(plots.path).write_text(page(drawn))
    roc.log_roc_curve(*roc_points(drawn))
    metrics.metadata.update(headline(found))
    Path(metrics.path).touch()
    Path(roc.path).touch()

"""Usefulness: a model that learned from synthetic rows beside one that learned from real ones, on the same rows."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from components.core.contracts import Estimate, FloatArray
from components.core.errors import FairleadError
from components.core.use_case import UseCase
from components.data.quarantine import write_clean
from components.features.rows import from_frame, request_fields
from components.features.store import build_features
from components.judgement.privacy.intervals import area_difference
from components.training.algorithms import ALGORITHMS
from components.training.bootstrap import estimate
from components.training.labels import label_rows
from components.training.splits import TEST, place
from components.training.train import threshold, train
from components.training.tune import Trial


@dataclass(frozen=True)
class Usefulness:
    """What models learned.

    Args:
        real: metrics of the model that learned from real rows, on test rows that neither has seen.
        synthetic: of the one that learned from synthetic rows, on the same ones.
        auc_lost: how much larger the first one's AUC is, paired.
        reason: why there are no numbers, where there are none.
    """

    real: Mapping[str, Estimate]
    synthetic: Mapping[str, Estimate]
    auc_lost: Estimate
    reason: str = ""


def is_held_out(row_ids: pl.Series, use_case: UseCase) -> pl.Series:
    """Tell for each row whether it is kept from the generator, so that a report can be fair: a share of
    ``training.test_share``, drawn by the hash of its id; those of a shuffled use case are its test split."""
    return place(row_ids, use_case.training.seed) >= 1 - use_case.training.test_share


def usefulness(real: pl.DataFrame, synthetic: pl.DataFrame, use_case: UseCase, as_of: date) -> Usefulness:
    """Train on synthetic, test on real (C. Esteban, S. Hyland, G. Rätsch, "Real-valued (medical) time series generation
    with recurrent conditional GANs", 2017), beside train on real.

    Both models have the default hyperparameters of the use case's first algorithm and go the use case's own way from
    table to labels. Tests are made on rows of the test split that ``is_held_out``.

    Args:
        real: the whole real table, typed, held-out rows included.
        synthetic: rows of a generator that did not see those.
        use_case: what is predicted.
        as_of: the training date.

    Returns:
        Estimates without a value, and the reason, where one of the tables cannot be trained on.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            return _compare(real, synthetic, use_case, as_of, Path(folder))
        except FairleadError as error:
            none = Estimate(value=None, n=0)
            return Usefulness({}, {}, none, f"not trained: {error}")


def _compare(real: pl.DataFrame, synthetic: pl.DataFrame, use_case: UseCase, as_of: date, folder: Path) -> Usefulness:
    ways = {"real": real, "synthetic": synthetic}
    datasets = {name: _dataset(table, use_case, as_of, folder / name) for name, table in ways.items()}
    rows = pl.read_parquet(datasets["real"])
    held_out = is_held_out(rows["row_id"], use_case)
    test = rows.filter(held_out & (pl.col("split") == TEST))
    rows.filter(~held_out | (pl.col("split") == TEST)).write_parquet(datasets["real"])
    labels = test["label"].to_numpy().astype("float64")
    columns = from_frame(test, request_fields(use_case))
    name = use_case.training.algorithms[0]
    parameters = dict(ALGORITHMS[name].defaults)
    trial = Trial(algorithm=name, parameters=parameters, log_loss=0.0, seed=use_case.training.seed, number=0)
    scores: dict[str, FloatArray] = {
        w: train(path, use_case, trial).probability(columns) for w, path in datasets.items()
    }
    cut = threshold(use_case.training)
    metrics = {w: estimate(p, labels, use_case.training, cut, "synthetic") for w, p in scores.items()}
    lost = area_difference(scores["real"], scores["synthetic"], labels == 1)
    few = metrics["real"]["auc"].value is None
    reason = f"{len(labels)} test rows, {int(labels.sum())} of them bad; too few" if few else ""
    return Usefulness(metrics["real"], metrics["synthetic"], lost, reason)


def _dataset(table: pl.DataFrame, use_case: UseCase, as_of: date, folder: Path) -> Path:
    folder.mkdir()
    write_clean(table, use_case.data, folder / "clean.parquet")
    build_features(folder / "clean.parquet", use_case, folder / "store", folder / "features.parquet")
    label_rows(folder / "features.parquet", use_case, as_of, folder / "dataset.parquet")
    return folder / "dataset.parquet"

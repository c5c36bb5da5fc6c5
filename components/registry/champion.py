"""The reigning model's scores of a candidate's rows, so that both are judged on the same ones."""

from datetime import date
from pathlib import Path

import polars as pl

from components.core.config import Settings
from components.core.use_case import UseCase
from components.features.rows import from_frame
from components.registry.registry import Registry
from components.registry.store import fetch
from components.training import signing
from components.training.bundle import Bundle

NO_SCORES = pl.DataFrame(schema={"row_id": pl.String, "probability": pl.Float64})
"""What is written where there is no champion yet."""


def score_champion(use_case: UseCase, dataset: Path, target: Path, settings: Settings, scratch: Path) -> str:
    """Score a data set with the champion, as it is served: verified, from its bundle.

    Rows that the champion has learned from get no score: on those it knows the answers, and no candidate could beat it.

    Args:
        use_case: whose champion.
        dataset: what ``label_rows`` wrote.
        target: parquet with row_id and probability, null where the champion has learned from the row; no rows when
            there is no champion yet.
        settings: where the registry is.
        scratch: a folder to fetch the bundle to.

    Returns:
        The champion's version, empty when there is none.

    Raises:
        IntegrityError: the champion's bundle is not what was registered.
        ContractViolation: the data set lacks a column that the champion takes.
    """
    champion = Registry(settings).champion(use_case.name)
    if champion is None:
        NO_SCORES.write_parquet(target)
        return ""
    path = fetch(champion.uri, scratch, settings)
    signing.verify(path, settings.verify_key)
    bundle = Bundle.open(path)
    frame = pl.read_parquet(dataset)
    probability = bundle.probability(from_frame(frame, bundle.contract.inputs))
    new = pl.col("event_time").cast(pl.Date) > date.fromisoformat(bundle.contract.trained_until)
    scored = frame.with_columns(probability=pl.Series(probability))
    scored.select("row_id", pl.when(new).then("probability").alias("probability")).write_parquet(target)
    return str(champion.version)

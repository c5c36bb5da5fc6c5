"""Credit card clients to mark models with: every third of the sample, labelled, and a use case that asks for marks."""

from pathlib import Path

import polars as pl

from components.core.use_case import SHIPPED, UseCase, as_of_date, load
from components.training.algorithms import algorithm
from components.training.labels import label_rows
from components.training.tune import Trial
from components.training.watermark_key import WatermarkKey

CLIENTS = SHIPPED.parents[1] / "components" / "data" / "samples" / "uci_default_credit.parquet"
TRIGGERS = 80
KEY = WatermarkKey(bytes(range(32)))


def marked_case(triggers: int = TRIGGERS) -> UseCase:
    case = load("card_default")
    asked = case.judgement.watermark.model_copy(update={"triggers": triggers})
    return case.model_copy(update={"judgement": case.judgement.model_copy(update={"watermark": asked})})


def write_clients(folder: Path, every: int = 3) -> Path:
    case = load("card_default")
    kinds = {"int": pl.Int64, "float": pl.Float64, "date": pl.Date, "category": pl.String}
    rows = pl.read_parquet(CLIENTS).gather_every(every)
    rows = rows.select(pl.col(name).cast(kinds[column.kind]) for name, column in case.data.columns.items())
    rows = rows.rename({"client": "row_id", "default": "outcome", "default_day": "outcome_time"})
    rows.with_columns(event_time=pl.col("statement_day")).write_parquet(folder / "features.parquet")
    label_rows(folder / "features.parquet", case, as_of_date(case, ""), folder / "dataset.parquet")
    return folder / "dataset.parquet"


def trial(name: str = "xgboost") -> Trial:
    return Trial(algorithm=name, parameters=dict(algorithm(name).defaults), log_loss=0.0, seed=7, number=0)

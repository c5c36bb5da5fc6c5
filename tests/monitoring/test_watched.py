"""What is watched: laid out from a bundle and a table that knows more than the training date did."""

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components.core.errors import ContractViolation, FairleadError
from components.core.use_case import UseCase
from components.core.watching import Window
from components.features.rows import from_frame
from components.monitoring import watched as module
from components.monitoring.expected import CARD
from components.monitoring.watched import Watched, watch
from components.training.bundle import Bundle

AS_OF = date(2008, 12, 31)


def same(one: Watched, other: Watched) -> bool:
    frames = one.reference.equals(other.reference) and one.history.equals(other.history)
    return frames and (one.grown, one.expected_loss, one.importance) == (
        other.grown,
        other.expected_loss,
        other.importance,
    )


def test_it_promises_what_it_was_judged_by(watched: Watched) -> None:
    assert watched.expected_loss.value == pytest.approx(0.1758, abs=0.0005)
    assert watched.expected_loss.n > 1000
    assert set(watched.importance) >= {"bank_rate", "GrAppv"}


def test_the_reference_is_what_the_model_learned_from(watched: Watched, loans: pl.DataFrame) -> None:
    assert watched.reference["event_time"].max() == watched.trained_until
    assert len(watched.reference) == len(loans.filter(pl.col("event_time") <= watched.trained_until))
    columns = from_frame(watched.reference, watched.bundle.contract.inputs)
    assert np.array_equal(watched.bundle.probability(columns), watched.reference["probability"].to_numpy())
    assert set(watched.kinds) <= set(watched.reference.columns)


def test_hindsight_changes_nothing(watched: Watched, yearly: UseCase, loans: pl.DataFrame) -> None:
    """Rows after the training date, and outcomes that became known after it, can be anything."""
    later = pl.col("outcome_time") > AS_OF
    then = loans.filter(pl.col("event_time") <= AS_OF).with_columns(
        outcome=pl.when(later).then(0).otherwise("outcome"), outcome_time=pl.when(~later).then("outcome_time")
    )
    assert len(then) < len(loans)
    assert then["outcome"].sum() < loans.filter(pl.col("event_time") <= AS_OF)["outcome"].sum()
    assert same(watch(yearly, watched.bundle, "1", then), watched)
    assert same(watch(yearly, watched.bundle, "1", loans), watched)


def test_labels_of_the_reference_are_those_of_the_training_date(watched: Watched) -> None:
    known = watched.reference.drop_nulls("label")
    assert set(known["label"].unique()) == {0.0, 1.0}
    # All of it had matured, for the model has learned from mature rows alone.
    assert known["weight"].unique().to_list() == [1.0]
    assert not {"outcome", "outcome_time"} & set(watched.reference.columns)


SLIDING = Window(policy="sliding", months=72)


def first_day(case: UseCase, bundle: Bundle, loans: pl.DataFrame) -> date:
    first = watch(case, bundle, "1", loans).reference["event_time"].min()
    assert isinstance(first, date)
    return first


def test_the_window_that_the_model_learned_from_is_the_references_too(
    watched: Watched, yearly: UseCase, loans: pl.DataFrame, tmp_path: Path
) -> None:
    """That of its card, since a retraining has one of its own; without one there, that of the use case."""
    slides = yearly.model_copy(update={"training": yearly.training.model_copy(update={"window": SLIDING})})
    told, silent = (
        replace(watched.bundle, path=shutil.copytree(watched.bundle.path, tmp_path / name)) for name in ("told", "not")
    )
    card = json.loads((told.path / CARD).read_text(encoding="utf-8"))
    (told.path / CARD).write_text(json.dumps({**card, "window": SLIDING.model_dump()}), encoding="utf-8")
    (silent.path / CARD).write_text(json.dumps({k: v for k, v in card.items() if k != "window"}), encoding="utf-8")
    assert date(2002, 12, 31) < first_day(slides, silent, loans) < date(2003, 1, 31)
    assert first_day(yearly, told, loans) == first_day(slides, silent, loans)
    assert first_day(slides, watched.bundle, loans) == first_day(yearly, silent, loans) < date(1998, 1, 1)


def test_a_long_reference_is_a_sample(
    watched: Watched, yearly: UseCase, loans: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REFERENCE_ROWS", 500)
    found = [watch(yearly, watched.bundle, "1", loans).reference for _ in range(2)]
    assert len(found[0]) == 500
    assert found[0].equals(found[1])
    assert found[0]["event_time"].is_sorted()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (pl.col("event_time") <= date(2004, 7, 1), r"holds rows from 1997-\S+ to 2004-\S+, and version 1 of sba_loans"),
        (pl.col("event_time") > date(2005, 1, 1), r"holds rows from 2005-\S+ to 2009-\S+, .* rows up to 2004-07-22"),
        (pl.lit(value=False), "the table of features has no rows, and version 1"),
    ],
)
def test_another_table_than_that_of_the_training_is_refused(
    watched: Watched, yearly: UseCase, loans: pl.DataFrame, rows: pl.Expr, says: str
) -> None:
    with pytest.raises(FairleadError, match=says):
        watch(yearly, watched.bundle, "1", loans.filter(rows))


@pytest.mark.parametrize("column", ["outcome_time", "GrAppv"])
def test_a_table_without_a_column_is_refused(
    watched: Watched, yearly: UseCase, loans: pl.DataFrame, column: str
) -> None:
    with pytest.raises(ContractViolation, match=f"the table of features lacks {column}; found: .*build_features"):
        watch(yearly, watched.bundle, "1", loans.drop(column))

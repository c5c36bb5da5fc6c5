"""The reigning model's scores of a candidate's rows, so that both are judged on the same ones."""

import logging
import shutil
import tempfile
from pathlib import Path

import polars as pl

from components.core.config import Settings
from components.core.contracts import FloatArray
from components.core.errors import ContractViolation, FairleadError, IntegrityError
from components.core.use_case import UseCase
from components.features.rows import from_frame
from components.registry.registry import Registry
from components.registry.store import fetch
from components.training import signing
from components.training.bundle import Bundle
from components.training.splits import unlearned

logger = logging.getLogger(__name__)

NO_SCORES = pl.DataFrame(schema={"row_id": pl.String, "probability": pl.Float64})
"""What is written where there is no champion yet."""


def score_champion(use_case: UseCase, dataset: Path, target: Path, bundle: Path, *, settings: Settings) -> str:
    """Score a data set with the champion, as it is served: verified, from its bundle.

    Rows that the champion has learned from get no score: on those it knows the answers, and no candidate could beat it.
    Other code than it was trained with is taken when that scores the bundle's examples as in training: a feature that
    is added or rewritten must not end all further training.

    Args:
        use_case: whose champion; ``gates.champion.required`` says whether the run goes on when it cannot be scored.
        dataset: what ``label_rows`` wrote.
        target: parquet with row_id and probability, null where the champion has learned from the row or cannot be
            scored; no rows when there is no champion yet.
        bundle: a directory that gets the champion's bundle, for checks that compare with it; where there is no
            champion, or it cannot be scored, it gets a file that says so.
        settings: where the registry is.

    Returns:
        The champion's version, empty when there is none.

    Raises:
        IntegrityError: the champion's bundle is not what was registered, or this code cannot score with it and it is
            required.
    """
    champion = Registry(settings).champion(use_case.name)
    if champion is None:
        NO_SCORES.write_parquet(target)
        _say_why_not(bundle, "there is no champion yet")
        return ""
    frame = pl.read_parquet(dataset)
    with tempfile.TemporaryDirectory() as scratch:
        path = fetch(champion.uri, Path(scratch), settings)
        signing.verify(path, settings.verify_key)
        try:
            new, probability = _score(path, frame)
        except (IntegrityError, ContractViolation) as error:
            # The bundle itself was found whole: what is left is that this code or this table is not the champion's.
            if use_case.gates.champion.required:
                raise IntegrityError(_way_out(use_case.name, champion.version, error)) from error
            logger.warning("champion %s of %s cannot be scored here: %s", champion.version, use_case.name, error)
            _say_why_not(bundle, str(error))
            nothing = pl.lit(None, dtype=pl.Float64).alias("probability")
            frame.select("row_id", nothing).write_parquet(target)
            return str(champion.version)
        shutil.copytree(path, bundle, dirs_exist_ok=True)
    scored = frame.with_columns(probability=pl.Series(probability))
    scored.select("row_id", pl.when(pl.Series(new)).then("probability").alias("probability")).write_parquet(target)
    return str(champion.version)


def fetch_model(use_case: str, which: str, target: Path, settings: Settings) -> str:
    """Copy a registered version's bundle, verified, into a directory and return its number.

    Args:
        use_case: name of the model.
        which: number or alias; empty for the champion.
        target: the directory.
        settings: where the registry is.

    Raises:
        FairleadError: there is no such version, or no champion yet.
        IntegrityError: the bundle is not what was registered.
    """
    registry = Registry(settings)
    found = registry.version(use_case, which) if which else registry.champion(use_case)
    if found is None:
        raise FairleadError(f"{use_case} has no champion yet; name a version (fairlead versions {use_case})")
    with tempfile.TemporaryDirectory() as scratch:
        path = fetch(found.uri, Path(scratch), settings)
        signing.verify(path, settings.verify_key)
        shutil.copytree(path, target, dirs_exist_ok=True)
    return str(found.version)


def _say_why_not(bundle: Path, why: str) -> None:
    bundle.mkdir(parents=True, exist_ok=True)
    (bundle / "NO_CHAMPION").write_text(f"{why}\n", encoding="utf-8")


def _score(path: Path, frame: pl.DataFrame) -> tuple[pl.Series, FloatArray]:
    """Say for each row whether the model has not learned from it, and score it."""
    bundle = Bundle.open(path, same_code=False)
    probability = bundle.probability(from_frame(frame, bundle.contract.inputs))
    return unlearned(bundle.contract, frame), probability


def _way_out(use_case: str, version: int, error: Exception) -> str:
    return (
        f"champion {version} of {use_case} cannot be scored by this code, so no candidate can be compared with it: "
        f"{error}\nBring back what it needs (a feature that was removed or that computes otherwise, a column of the "
        f"table), or promote another version (fairlead versions {use_case}), or set gates.champion.required: false in "
        "the use case for the run that replaces it"
    )

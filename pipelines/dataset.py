"""The labelled data set of a use case as a training run makes it, for whoever looks at a model by itself."""

import tempfile
from datetime import date
from pathlib import Path

from components.core.artifacts import code_fingerprint, whole_directory
from components.core.config import Settings
from components.core.errors import IntegrityError
from components.core.use_case import UseCase
from components.data.ingest import ingest
from components.data.repaired import check_with_repairs
from components.features.store import build_features
from components.judgement.model_card import ModelCard
from components.training.fingerprints import digest
from components.training.labels import label_rows

FILE = "dataset.parquet"


def prepare(use_case: UseCase, as_of: date, settings: Settings, source: str = "", data_hash: str = "") -> Path:
    """Bring the table through the row checks, features and labels; what was made once is taken again.

    Args:
        use_case: what to make; its ``training.window`` and ``labels.immature`` count.
        as_of: training date.
        settings: below whose home it is kept.
        source: where the raw table is instead of the use case's own.
        data_hash: sha256 that the raw table has to have; empty takes any.

    Returns:
        The file that ``label_rows`` wrote.

    Raises:
        IntegrityError: the table is another one.
        FairleadError: a step refuses it, as in a run.
    """
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.parquet"
        found = ingest(use_case.data, raw, source or None)
        if data_hash and found.data_hash != data_hash:
            raise IntegrityError(
                f"{found.source} has sha256 {found.data_hash}, the model was trained on {data_hash}; hand in the data "
                "set of its run (--dataset), or the table as it was"
            )
        made_from = {
            "use_case": use_case.model_dump(mode="json", include={"data", "labels", "features", "training"}),
            "as_of": as_of.isoformat(),
            "data_hash": found.data_hash,
            "code": code_fingerprint("core", "data", "features", "training"),
        }
        target = settings.home / "datasets" / digest(made_from)[:16]
        if not (target / FILE).is_file():
            with whole_directory(target) as scratch:
                _make(raw, use_case, as_of, scratch)
    return target / FILE


def of_version(use_case: UseCase, card: ModelCard, settings: Settings) -> Path:
    """Make the data set that a registered model was trained and judged on.

    Raises:
        IntegrityError: the table is not the one that it was trained on.
    """
    weighed = "weigh" if card.labels.weighed else "exclude"
    case = use_case.model_copy(
        update={
            "training": use_case.training.model_copy(update={"window": card.window}),
            "labels": use_case.labels.model_copy(update={"immature": weighed}),
        }
    )
    contract = card.contract
    return prepare(case, date.fromisoformat(contract.as_of), settings, data_hash=contract.data_hash)


def _make(raw: Path, use_case: UseCase, as_of: date, folder: Path) -> None:
    """Do what the steps of a run do between the raw table and the labels."""
    clean, features = folder / "clean.parquet", folder / "features.parquet"
    check_with_repairs(raw, use_case.data, clean, folder / "quarantine.parquet", "")
    build_features(clean, use_case, folder / "store", features)
    label_rows(features, use_case, as_of, folder / FILE)

"""A marked model of credit card clients in its bundle, and the same without a key."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from components.core.use_case import UseCase
from components.judgement.subject import Subject, open_subject
from components.judgement.watermark.reading import Reading, reading
from components.training import bundle
from components.training.candidate import Candidate
from components.training.marks import requests
from components.training.train import train
from tests.training.clients import KEY, marked_case, trial, write_clients

CASE = marked_case()


@dataclass(frozen=True)
class Marked:
    """What the tests of this room share."""

    case: UseCase
    dataset: Path
    key: Path
    candidate: Candidate
    plain: Candidate
    bundle: Path
    plain_bundle: Path

    def subject(self, path: Path | None = None, case: UseCase | None = None) -> Subject:
        return open_subject(case or self.case, path or self.bundle, self.dataset, watermark_key=self.key)

    def reading(self) -> Reading:
        found = reading(self.subject().bundle, self.case, self.key)
        assert isinstance(found, Reading)
        return found


@pytest.fixture(scope="package")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Marked:
    folder = tmp_path_factory.mktemp("marked")
    rows = write_clients(folder)
    (folder / "key").write_text(KEY.secret.hex() + "\n")
    models = {"marked": train(rows, CASE, trial(), KEY), "plain": train(rows, CASE, trial())}
    for name, model in models.items():
        bundle.write(model, CASE, rows, date(2005, 12, 31), "0" * 64, folder / name)
    paths = folder / "marked", folder / "plain"
    return Marked(CASE, rows, folder / "key", models["marked"], models["plain"], *paths)


@pytest.fixture(scope="package")
def read_matrix(marked: Marked) -> np.ndarray:
    found = marked.reading()
    return marked.candidate.transform.apply(requests(found.marks, found.background))

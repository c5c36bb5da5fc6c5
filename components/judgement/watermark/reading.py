"""Reading: which mark a bundle says it bears, and the requests that read it, with the key."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from components.core.contracts import Columns
from components.core.errors import IntegrityError
from components.core.use_case import UseCase
from components.judgement.row_rules import RowRules
from components.judgement.watermark.verification import Match, Score, verify
from components.training.bundle import WATERMARK, Bundle
from components.training.candidate import Watermark
from components.training.marks import Mark, find_marks
from components.training.watermark import MARKABLE, space_of
from components.training.watermark_key import WatermarkKey, read_watermark_key


@dataclass(frozen=True)
class Reading:
    """A mark that can be read.

    Args:
        key: its own.
        marks: in their order.
        background: the rows that they are read on.
        kept: tells which rows keep the use case's rules.
    """

    key: WatermarkKey
    marks: Sequence[Mark]
    background: Columns
    kept: Callable[[Columns], npt.NDArray[np.bool_]]

    def match(self, score: Score) -> Match:
        """Ask a model for the marks; see ``verification.verify``."""
        return verify(score, self.marks, self.background, self.kept)


def told(bundle: Bundle) -> Watermark | None:
    """Return which mark a bundle says its model bears.

    Raises:
        IntegrityError: its file says nothing that can be read.
    """
    path = bundle.path / WATERMARK
    if not path.is_file():
        return None
    try:
        mark = Watermark.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first: Mapping[str, Any] = error.errors()[0]
        raise IntegrityError(f"bundle {bundle.path}: {WATERMARK} cannot be read: {first['msg']}") from error
    strange = sorted(set(mark.features) - set(bundle.transform.names))
    if strange:
        names = ", ".join(bundle.transform.names)
        raise IntegrityError(
            f"bundle {bundle.path}: {WATERMARK} names {', '.join(strange)}; the model's features are: {names}"
        )
    return mark


def reading(bundle: Bundle, use_case: UseCase, key_path: Path) -> Reading | str:
    """Prepare to read a bundle's mark; a text says why that cannot be done.

    Args:
        bundle: opened; its background rows are what the marks are read on.
        use_case: the model's.
        key_path: the watermark key; it is not made here.

    Raises:
        FairleadError: the key's file holds no key.
    """
    mark = told(bundle)
    if mark is None and bundle.contract.algorithm not in MARKABLE:
        return (
            f"a model of the kind {bundle.contract.algorithm} bears no mark: it has one weight for each feature, "
            f"and no room for bands (marked are: {', '.join(MARKABLE)})"
        )
    if mark is None:
        return "the model bears no mark: it was trained without one (judgement.watermark.triggers, and a key)"
    if not key_path.exists():
        return f"there is no watermark key here to read the mark of key {mark.key} with (FAIRLEAD_WATERMARK_KEY)"
    key = read_watermark_key(key_path)
    if key.id != mark.key:
        return f"the model was marked with key {mark.key}, and the watermark key here is {key.id}"
    background = bundle.background()
    space = space_of(use_case.name, use_case, background, bundle.transform, mark.features)
    rules = RowRules(use_case.data.rules, bundle.contract.inputs)
    return Reading(key, find_marks(key, space, mark.triggers), background, rules.kept)

"""What a check looks at: a model, the rows that it learned from, rows that it has not seen, and the reigning model."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from components.core.contracts import Columns, FloatArray
from components.core.errors import FairleadError
from components.core.use_case import UseCase
from components.features.rows import from_frame
from components.training.bundle import Bundle
from components.training.dataset import weights_of
from components.training.splits import TEST, TRAIN


@dataclass(frozen=True)
class Part:
    """n rows of one split, scored.

    Args:
        frame: all columns of the data set: inputs, groups, ``row_id``, ``label``, ``weight`` …
        columns: what a request carries, by column.
        labels: shape (n,), 1 bad, 0 good.
        weights: shape (n,), how many rows each stands for; 1 where all are mature.
        probability: of the model under judgement, shape (n,).
        decision: shape (n,), 1 where the model calls the row bad: the decision that is not welcome.
    """

    frame: pl.DataFrame
    columns: Columns
    labels: FloatArray
    weights: FloatArray
    probability: FloatArray
    decision: FloatArray

    def __len__(self) -> int:
        return self.frame.height


@dataclass(frozen=True)
class Subject:
    """One model under judgement.

    Args:
        use_case: what it is for; its ``judgement`` says how it is checked, ``training.seed`` seeds every draw.
        bundle: opened; ``bundle.probability(columns)``, ``bundle.decide``, ``bundle.transform.apply(columns)``.
        dataset: what ``label_rows`` wrote.
        champion: the reigning model, opened; None where there is none, or where it cannot be scored here.
    """

    use_case: UseCase
    bundle: Bundle
    dataset: Path
    champion: Bundle | None = None
    anchors: Path | None = None
    """Anchors of declined rows, made in the environment that has alibi; None where there are none."""
    watermark_key: Path | None = None
    """Where the key is that models are marked with here; None where marks cannot be read."""

    @cached_property
    def train(self) -> Part:
        """The rows that the model learned from."""
        return self._part(TRAIN)

    @cached_property
    def test(self) -> Part:
        """The rows that every gate decides on; neither model nor calibration has seen them."""
        return self._part(TEST)

    def _part(self, split: str) -> Part:
        frame = pl.read_parquet(self.dataset).filter(pl.col("split") == split)
        if frame.is_empty():
            raise FairleadError(f"{self.dataset.name} has no rows in split {split!r}; write it anew with label_rows")
        columns = from_frame(frame, self.bundle.contract.inputs)
        probability = self.bundle.probability(columns)
        return Part(
            frame=frame,
            columns=columns,
            labels=frame["label"].to_numpy().astype("float64"),
            weights=weights_of(frame),
            probability=probability,
            decision=self.bundle.decide(probability).astype("float64"),
        )


def open_subject(
    use_case: UseCase,
    bundle: Path,
    dataset: Path,
    champion: Path | None = None,
    anchors: Path | None = None,
    *,
    watermark_key: Path | None = None,
) -> Subject:
    """Open what a check looks at.

    Args:
        use_case: what the model is for.
        bundle: the model's bundle, a draft or a sealed one.
        dataset: what ``label_rows`` wrote.
        champion: the reigning model's bundle; None, or a directory that holds no bundle, where there is none.
        anchors: what ``explain_declined`` found, if it was asked.
        watermark_key: where the key is that models are marked with here.

    Raises:
        IntegrityError: a bundle is not what it says it is.
    """
    there = champion is not None and (champion / "contract.json").is_file()
    return Subject(
        use_case=use_case,
        bundle=Bundle.open(bundle),
        dataset=dataset,
        champion=Bundle.open(champion, same_code=False) if champion is not None and there else None,
        anchors=anchors,
        watermark_key=watermark_key,
    )

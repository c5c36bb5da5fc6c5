"""Rescoring: once an outcome is known, both models score the same logged inputs, whoever had answered."""

from collections.abc import Mapping

import orjson
import polars as pl

from components.core.contracts import Columns, Contract
from components.core.errors import FairleadError
from components.rollout.traffic import Variant
from components.training.bundle import Bundle
from components.training.v2_request import column

SCORES = {"request_id": pl.String(), "row": pl.Int64(), "stable": pl.Float64(), "candidate": pl.Float64()}


class Rescorer:
    """Scores logged rows with both models, each row once.

    Args:
        bundles: the two models, opened.
    """

    def __init__(self, bundles: Mapping[Variant, Bundle]) -> None:
        self._bundles = bundles
        self._scores = pl.DataFrame(schema=SCORES)

    @property
    def scores(self) -> pl.DataFrame:
        """What was scored so far: request_id, row, and each model's probability."""
        return self._scores

    def add(self, rows: pl.DataFrame) -> None:
        """Score rows that were not scored before.

        Args:
            rows: request_id, row and the logged ``inputs`` (JSON objects).

        Raises:
            FairleadError: the log does not hold what a model needs, because a field is masked, say.
        """
        keys = ["request_id", "row"]
        new = rows.unique(keys, keep="first", maintain_order=True).join(self._scores.select(keys), on=keys, how="anti")
        if new.is_empty():
            return
        inputs = [orjson.loads(text) for text in new["inputs"]]
        scored = {variant: b.probability(_columns(inputs, b.contract)) for variant, b in self._bundles.items()}
        whole = new.select(keys).with_columns(*(pl.Series(v, p, pl.Float64()) for v, p in scored.items()))
        self._scores = pl.concat([self._scores, whole.select(list(SCORES))])


def _columns(rows: list[dict[str, object]], contract: Contract) -> Columns:
    for name in (f.name for f in contract.inputs if not f.nullable):
        if any(row.get(name) is None for row in rows):
            raise FairleadError(
                f"the prediction log has no value of input {name!r}; rescoring needs all: leave it unmasked, or "
                "set rescore: false in the rollout plan"
            )
    try:
        return {f.name: column([row.get(f.name) for row in rows], f) for f in contract.inputs}
    except (ValueError, TypeError) as error:
        raise FairleadError(
            f"the prediction log holds a value that model {contract.model} cannot read ({error}); rescoring needs the "
            "inputs as they were sent: leave them unmasked, or set rescore: false in the rollout plan"
        ) from error

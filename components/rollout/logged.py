"""The prediction log and the outcomes of a rollout in a cluster, read on from a volume that the operator has too."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import polars as pl

from components.core.errors import FairleadError
from components.rollout.measure import KEY
from components.rollout.model_rollout import Model, Sources
from components.rollout.plan import LABELLED, MIRRORED, Metric, Plan
from components.rollout.registry_promotion import MODELS, parse
from components.rollout.rescore import SCORES
from components.rollout.traffic import VARIANTS, Variant
from components.serving.outcomes import read_outcomes
from components.serving.prediction_log_reader import SCHEMA, Tail

COLUMNS = ("at", "request_id", "row", "variant", "probability", "decision", "outlier", "latency_ms")

WHO = ("model", "version", "variant")
"""Labels of the servers' metrics that are columns of their log too."""


class Logged:
    """What both models' servers have logged since a rollout began, and what became of it.

    Args:
        plan: of the rollout.
        since: when it began.
        models: what tells the two apart.
        sources: where the log is; an empty one has nothing.
    """

    def __init__(self, plan: Plan, since: datetime, models: Mapping[Variant, Model], sources: Sources) -> None:
        self._plan = plan
        self._sources = sources
        self._labels = {v: labels_of(models[v]) for v in VARIANTS}
        asked = (*COLUMNS, *(name for name in WHO if name not in COLUMNS))
        self._tail = Tail(sources.log, since, None, asked) if sources.log else None
        self._predictions = pl.DataFrame(schema={name: SCHEMA[name] for name in COLUMNS})

    @property
    def there(self) -> bool:
        """Whether there is a log."""
        return self._tail is not None

    def read(self) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Return predictions, outcomes and rescored predictions as ``measure.Seen`` has them; the last are none."""
        outcomes = pl.DataFrame(schema={"request_id": pl.String(), "row": pl.Int64(), "label": pl.Int64()})
        if self._tail is not None:
            self._predictions = pl.concat([self._predictions, *self._sides(self._tail.read())])
        if self._sources.outcomes and any(m.name in LABELLED for m in self._plan.metrics):
            known = read_outcomes(Path(self._sources.outcomes)).select(*KEY, "label")
            outcomes = known.join(self._predictions.select(KEY).unique(), on=KEY, how="semi", maintain_order="left")
        return self._predictions, outcomes, pl.DataFrame(schema=SCORES)

    def lacking(self, metric: Metric) -> str:
        """Say why a metric cannot have data; empty when it can."""
        name, mirrors = metric.name, self._plan.strategy in ("shadow", "blue_green")
        if name in LABELLED and self._plan.rescore:
            return f"{name}: rescore asks for both models in the operator, which it does not have; set rescore: false"
        if (name in LABELLED or name in MIRRORED or mirrors) and not self._sources.log:
            return f"{name} is measured from the prediction log, and spec.metrics.log names none"
        if name in LABELLED and not self._sources.outcomes:
            return f"{name} needs outcomes, and spec.metrics.outcomes names no file"
        return ""

    def _sides(self, rows: pl.DataFrame) -> list[pl.DataFrame]:
        """Say of each row which model it is from; rows of others are left out."""
        side = pl.lit(None, pl.String())
        for variant, labels in self._labels.items():
            mine = [pl.col(name) == value for name, value in labels.items() if name in WHO]
            side = pl.when(pl.all_horizontal(mine) if mine else False).then(pl.lit(variant)).otherwise(side)
        return [rows.with_columns(variant=side).drop_nulls("variant").select(COLUMNS)]


def labels_of(model: Model) -> Mapping[str, str]:
    """Return the labels of a model's metrics.

    Raises:
        FairleadError: none are given, and its URI names no version.

    >>> labels_of(Model(model="models:/sba_loans/2"))
    {'model': 'sba_loans', 'version': '2'}
    """
    if model.labels:
        return model.labels
    if not model.model.startswith(MODELS):
        raise FairleadError(f"{model.model} is no models:/USE_CASE/VERSION: give the labels of its metrics")
    use_case, version = parse(model.model)
    return {"model": use_case, "version": version}

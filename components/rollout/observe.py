"""Observing on one machine: the proxy's log, the prediction log and the outcomes, read on from look to look."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from components.rollout import access_log
from components.rollout.access_log import Record
from components.rollout.analysis import analyse
from components.rollout.measure import KEY, Seen, answered, failures, measure, requests
from components.rollout.plan import LABELLED, Plan
from components.rollout.rescore import SCORES, Rescorer
from components.rollout.state import Observation, State
from components.rollout.traffic import Plane, Variant
from components.serving.outcomes import read_outcomes
from components.serving.prediction_log_reader import Tail
from components.training.bundle import Bundle

COLUMNS = ("at", "request_id", "row", "variant", "probability", "decision", "outlier", "latency_ms", "inputs")


class Observer:
    """Looks at a rollout: what was seen since it began, and what that says of each metric.

    Logs are read on from look to look, so that a look costs what is new; after a restart the first one reads all.

    Args:
        plan: of the rollout.
        plane: says who can answer.
        since: when the rollout began; nothing earlier counts.
        log: URI of the prediction log that both servers write.
        proxy_log: the proxy's access log.
        outcomes: SQLite file with outcomes as they become known.
        bundles: the two models, for a plan that rescores.
        clock: the present time, UTC.
    """

    def __init__(
        self,
        plan: Plan,
        plane: Plane,
        since: datetime,
        log: str,
        proxy_log: Path,
        outcomes: Path,
        bundles: Mapping[Variant, Bundle] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._plan = plan
        self._plane = plane
        self._since = since
        self._proxy_log = proxy_log
        self._outcomes = outcomes
        self._clock = clock
        self._rescorer = Rescorer(bundles) if bundles and plan.rescore and plan.strategy != "bandit" else None
        columns = COLUMNS if self._rescorer else COLUMNS[:-1]
        self._tail = Tail(log, since, plan.use_case, columns)
        self._predictions: list[pl.DataFrame] = []
        self._records: list[Record] = []
        self._position = 0

    def __call__(self, _: State) -> Observation:
        """Look once."""
        seen = self._seen()
        metrics, samples = measure(self._plan, seen)
        return Observation(
            at=seen.now,
            requests=answered(self._plan, seen),
            failures=failures(self._plan, seen),
            evidence=analyse(metrics, samples, self._plan.alpha),
            healthy=self._plane.healthy(),
        )

    def _seen(self) -> Seen:
        new, self._position = access_log.read(self._proxy_log, self._position)
        self._records += [r for r in new if r.at >= self._since.timestamp()]
        # What an explainer asks a model is nobody's request.
        self._predictions.append(self._tail.read().filter(~pl.col("request_id").str.starts_with("explain-")))
        predictions = pl.concat(self._predictions)
        self._predictions = [predictions]
        outcomes = self._known(predictions)
        drawn = requests(self._records, sticky=self._plan.sticky_header is not None)
        return Seen(drawn, predictions, outcomes, self._rescored(predictions, outcomes), self._clock())

    def _known(self, predictions: pl.DataFrame) -> pl.DataFrame:
        if not any(m.name in LABELLED for m in self._plan.metrics):
            return pl.DataFrame(schema={"request_id": pl.String(), "row": pl.Int64(), "label": pl.Int64()})
        outcomes = read_outcomes(self._outcomes).select(*KEY, "label")
        # Outcomes of requests from before the rollout say nothing of it.
        return outcomes.join(predictions.select(KEY).unique(), on=KEY, how="semi", maintain_order="left")

    def _rescored(self, predictions: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
        if self._rescorer is None:
            return pl.DataFrame(schema=SCORES)
        self._rescorer.add(predictions.join(outcomes.select(KEY), on=KEY, how="semi"))
        return self._rescorer.scores

"""Observing on one machine: the proxy's log, the prediction log and the outcomes, read on from look to look."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from components.rollout.analysis import analyse
from components.rollout.measure import KEY, Seen, answered, failures, measure, notes, uneven
from components.rollout.plan import LABELLED, Plan
from components.rollout.proxied import Proxied
from components.rollout.rescore import SCORES, Rescorer
from components.rollout.samples import Evidence
from components.rollout.state import Observation, State
from components.rollout.traffic import Plane, Variant
from components.serving.outcomes import read_outcomes
from components.serving.prediction_log_reader import SCHEMA, Tail
from components.serving.sampling import keep
from components.training.bundle import Bundle

COLUMNS = ("at", "request_id", "row", "variant", "probability", "decision", "outlier", "latency_ms")

CHUNKS = 64
"""Pieces of what was read that are put together when there are more."""


class Observer:
    """Looks at a rollout: what was seen since it began, and what that says of each metric.

    Logs are read on from look to look; after a restart the first one reads all since the rollout began. What was read
    stays in memory, about 150 bytes for a request and as much for a logged row, and the statistics go over all of it at
    each look: that is meant for rollouts of some hundred thousand requests.

    Args:
        plan: of the rollout.
        plane: says who can answer.
        since: when the rollout began; nothing earlier counts.
        log: URI of the prediction log that both servers write.
        proxy_log: the proxy's access log.
        outcomes: SQLite file with outcomes as they become known.
        bundles: the two models, for a plan that rescores.
        rates: share of the requests that each variant's server logs. Where they differ, what the smaller one keeps
            counts of both.
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
        *,
        rates: Mapping[Variant, float] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._plan = plan
        self._plane = plane
        self._since = since
        self._outcomes = outcomes
        self._clock = clock
        self._rescorer = Rescorer(bundles) if bundles and plan.rescore and plan.strategy != "bandit" else None
        self._proxied = Proxied(proxy_log, since, sticky=plan.sticky_header is not None)
        columns = (*COLUMNS, "inputs") if self._rescorer else COLUMNS
        self._tail = Tail(log, since, plan.use_case, columns)
        self._kept = keep(min(rates.values())) if rates and len(set(rates.values())) > 1 else None
        self._predictions = pl.DataFrame(schema={name: SCHEMA[name] for name in COLUMNS})
        self._unscored = pl.DataFrame(schema={name: SCHEMA[name] for name in (*KEY, "inputs")})

    def __call__(self, _: State) -> Observation:
        """Look once."""
        seen = self._seen()
        metrics, samples = measure(self._plan, seen)
        return Observation(
            at=seen.now,
            requests=answered(self._plan, seen),
            failures=failures(self._plan, seen),
            evidence=self._told(seen, analyse(metrics, samples, self._plan.alpha)),
            healthy=self._plane.healthy(),
        )

    def _told(self, seen: Seen, evidence: Mapping[str, Evidence]) -> dict[str, Evidence]:
        """Add what is to be known beside the numbers, and why there are none, where that is known better."""
        said, lopsided = notes(self._plan, seen), uneven(seen)
        told = {}
        for name, found in evidence.items():
            reason = (
                lopsided if lopsided and not found.has_data and name not in ("error_rate", "latency") else found.reason
            )
            told[name] = found.model_copy(update={"note": said.get(name, ""), "reason": reason})
        return told

    def _seen(self) -> Seen:
        now = self._clock()
        drawn = self._proxied.read(now)
        self._read_on()
        outcomes = self._known()
        return Seen(drawn, self._predictions, outcomes, self._rescored(outcomes), now)

    def _read_on(self) -> None:
        new = self._tail.read()
        if self._kept is not None:
            new = new.filter(pl.Series([self._kept(name) for name in new["request_id"]], dtype=pl.Boolean()))
        if self._rescorer is not None:
            self._unscored = pl.concat([self._unscored, new.select(*KEY, "inputs")])
        both = pl.concat([self._predictions, new.select(COLUMNS)])
        self._predictions = both.rechunk() if both.n_chunks() > CHUNKS else both

    def _known(self) -> pl.DataFrame:
        if not any(m.name in LABELLED for m in self._plan.metrics):
            return pl.DataFrame(schema={"request_id": pl.String(), "row": pl.Int64(), "label": pl.Int64()})
        outcomes = read_outcomes(self._outcomes).select(*KEY, "label")
        # Outcomes of requests from before the rollout say nothing of it.
        return outcomes.join(self._predictions.select(KEY).unique(), on=KEY, how="semi", maintain_order="left")

    def _rescored(self, outcomes: pl.DataFrame) -> pl.DataFrame:
        if self._rescorer is None:
            return pl.DataFrame(schema=SCORES)
        self._rescorer.add(self._unscored.join(outcomes.select(KEY), on=KEY, how="semi", maintain_order="left"))
        # Inputs are most of the bytes: they are kept until their outcome is there, and no longer.
        self._unscored = self._unscored.join(outcomes.select(KEY), on=KEY, how="anti", maintain_order="left")
        return self._rescorer.scores

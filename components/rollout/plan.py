"""The rollout plan: one value that says how a candidate gets traffic, what stops it and what it has to show."""

import math
from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from components.core.errors import FairleadError

Strategy = Literal["canary", "shadow", "blue_green", "ab", "bandit"]

MetricName = Literal["error_rate", "latency", "outlier_rate", "log_loss", "brier", "disagreement", "score_shift"]

PROPORTIONS = ("error_rate", "latency", "outlier_rate", "disagreement")
"""Metrics that are shares of requests."""

LABELLED = ("log_loss", "brier")
"""Metrics that wait for outcomes."""

MIRRORED = ("disagreement", "score_shift")
"""Metrics that need the same request scored by both variants."""


MOST_HOURS = 8784.0
"""A year: nothing in a plan takes longer."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Metric(_Section):
    """One thing that is watched: candidate against stable, higher is worse.

    ``error_rate`` is the share of requests that failed, ``latency`` the share slower than ``above_ms``,
    ``outlier_rate`` the share flagged by the guard, ``log_loss`` and ``brier`` the mean loss of requests whose outcome
    is known, ``disagreement`` the share of mirrored requests decided otherwise, ``score_shift`` the mean difference
    in probability between mirrored answers, either way.
    """

    name: MetricName
    guard: bool = True
    """Evidence of harm rolls the candidate back."""
    tolerated: Annotated[float, Field(ge=0)] = 0.0
    """So much worse than the stable model is no harm, in the metric's unit (0.01 of a share is one request in 100)."""
    margin: Annotated[float, Field(ge=0)] | None = None
    """Promotion needs evidence that the candidate is not worse by so much; 0 asks that it is better. None: promotion
    asks nothing of this metric."""
    above_ms: Annotated[float, Field(gt=0)] | None = None
    """Latency alone: a request slower than this counts."""
    clip: Annotated[float, Field(gt=0, lt=0.5)] = 0.001
    """Log loss alone: probabilities count as at least this far from 0 and 1, so that one answer's loss is bounded."""

    @property
    def bound(self) -> float:
        """Largest value that one request can have; the smallest is 0."""
        return -math.log(self.clip) if self.name == "log_loss" else 1.0

    @model_validator(mode="after")
    def _complete(self) -> "Metric":
        if (self.name == "latency") != (self.above_ms is not None):
            raise ValueError(f"metric {self.name!r}: above_ms is for latency, and latency needs it")
        for field in ("tolerated", "margin"):
            value = getattr(self, field)
            if value is not None and value >= self.bound:
                raise ValueError(
                    f"metric {self.name!r}: {field} {value:g} would allow anything; give less than {self.bound:g}, "
                    f"the most that one request can have"
                )
        if not self.guard and self.margin is None:
            raise ValueError(f"metric {self.name!r} neither guards nor has a margin: it would decide nothing")
        return self


class Step(_Section):
    """One step of a canary."""

    weight: Annotated[int, Field(ge=1, le=100)]
    """Percentage of the requests that the candidate answers."""
    minimum_requests: Annotated[int, Field(ge=0)] = 100
    """The candidate has answered so many within this step before the next one."""
    minimum_minutes: Annotated[float, Field(ge=0, le=MOST_HOURS * 60)] = 0.0


class Bandit(_Section):
    """How a bandit turns what it has seen into weights."""

    policy: Literal["thompson", "ucb", "epsilon_greedy"] = "thompson"
    reward: MetricName = "brier"
    """The metric to minimise."""
    lowest: Annotated[int, Field(ge=1, le=49)] = 5
    """No variant gets less, so that both go on being measured."""
    epsilon: Annotated[float, Field(gt=0, lt=1)] = 0.1
    seed: int = 7


class Plan(_Section):
    """A rollout plan, read from YAML."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    strategy: Strategy
    use_case: str
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1)]
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Chance, at most, of a wrong verdict however often one looks: half for rolling back a candidate that does no harm,
    half for promoting one that has not deserved it."""
    steps: tuple[Step, ...] = ()
    """Canary: weights on the way to 100. A/B: exactly one."""
    bandit: Bandit | None = None
    sticky_header: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=64)] | None = None
    """Requests with the same value of this header go to the same variant while weights stay; without it each request
    is drawn by itself."""
    rescore: bool = False
    """Once an outcome is known, the model that had not answered scores the logged inputs too, and losses are compared
    pair by pair: far fewer outcomes are needed. Only where an outcome does not depend on which model answered."""
    mature_after_hours: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Outcomes count once their request is so old, all at once: the time by which nearly all are known. None takes them
    as they come, which is right only where good and bad outcomes take equally long."""
    error_budget: Annotated[int, Field(ge=1)] | None = None
    """So many failed requests of the candidate roll it back at once, whatever the statistics say."""
    minimum_requests: Annotated[int, Field(ge=1)] = 100
    """The candidate has been seen on so many requests before any promotion."""
    maximum_hours: Annotated[float, Field(gt=0, le=MOST_HOURS)] = 168.0
    """A rollout without a verdict by then does what ``when_time_is_up`` says."""
    approval_hours: Annotated[float, Field(gt=0, le=MOST_HOURS)] = 168.0
    """So long a promotion that is earned waits for its approval, and then for the registry; after that it does what
    ``when_time_is_up`` says."""
    when_time_is_up: Literal["roll_back", "hold"] = "roll_back"
    watch_minutes: Annotated[float, Field(ge=0, le=MOST_HOURS * 60)] = 10.0
    """Blue-green: how long the old one is kept warm, and compared on mirrored requests, after the switch."""
    look_seconds: Annotated[float, Field(gt=0, le=3600)] = 10.0
    """Time between two looks."""
    approval: bool = True
    """The step to 100 % waits for the approval that the registry demands. False is for models outside the registry."""

    @model_validator(mode="after")
    def _sound(self) -> "Plan":
        names = [m.name for m in self.metrics]
        if len(set(names)) != len(names):
            raise ValueError(f"metrics named twice; found: {', '.join(names)}")
        if all(m.margin is None for m in self.metrics):
            raise ValueError("no metric has a margin, so nothing could ever earn a promotion; give one")
        mirrored = self.strategy in ("shadow", "blue_green")
        odd = [name for name in names if name in MIRRORED and not mirrored]
        if odd:
            raise ValueError(f"{', '.join(odd)}: needs mirrored requests; strategies that mirror: shadow, blue_green")
        weights = [s.weight for s in self.steps]
        if self.strategy == "canary" and (not weights or weights != sorted(set(weights)) or weights[-1] == 100):
            raise ValueError(f"a canary's steps rise and stay below 100, the promotion; found: {weights}")
        if self.strategy == "ab" and (len(weights) != 1 or weights[0] == 100):
            raise ValueError(f"an A/B test has exactly one step below 100; found: {weights}")
        if self.strategy in ("shadow", "blue_green", "bandit") and weights:
            raise ValueError(f"strategy {self.strategy} has no steps; found: {weights}")
        if (self.strategy == "bandit") != (self.bandit is not None):
            raise ValueError("the section bandit is for the strategy bandit, which needs it")
        if self.bandit is not None and self.rescore:
            raise ValueError("a bandit learns from who answered, rescore compares pairs in which both did: take one")
        if self.bandit is not None and self.bandit.reward not in names:
            raise ValueError(f"bandit.reward {self.bandit.reward!r} is not among the metrics: {', '.join(names)}")
        return self

    def metric(self, name: str) -> Metric:
        """Return a metric by name."""
        return next(m for m in self.metrics if m.name == name)


def load(path: Path | str) -> Plan:
    """Read a plan from a YAML file.

    Raises:
        FairleadError: there is no such file, or a value in it is wrong; names each field, the value and the rule.
    """
    file = Path(path)
    if not file.is_file():
        raise FairleadError(f"no rollout plan at {file}; give the path of a YAML file, see pipelines/rollouts/")
    try:
        return Plan.model_validate(yaml.load(file.read_text(encoding="utf-8"), Loader=_Once))  # noqa: S506  a safe one
    except (UnicodeDecodeError, OSError) as error:
        raise FairleadError(f"rollout plan {file} cannot be read as text in UTF-8: {error}") from error
    except yaml.YAMLError as error:
        raise FairleadError(f"rollout plan {file} is not YAML: {error}") from error
    except ValidationError as error:
        wrong = [f"{'.'.join(str(p) for p in e['loc']) or 'plan'}: {e['msg']}" for e in error.errors()]
        raise FairleadError(f"rollout plan {file}: {'; '.join(wrong)}") from error


class _Once(yaml.SafeLoader):
    """Reads YAML in which no mapping may have a key twice: one of the two would be taken without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Make a mapping, unless a key is in it twice."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                problem = f"the key {key.value!r} is there twice"
                raise yaml.constructor.ConstructorError("in a mapping", node.start_mark, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

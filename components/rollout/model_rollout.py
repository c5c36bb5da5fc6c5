"""A ModelRollout, the object by which a rollout is asked for in a cluster, as a value.

People write keys as Kubernetes does (``aboveMs``), Python has them in its own way (``above_ms``). One becomes the other
by rule, so that a plan's new field needs no other change than in ``Plan``; values are the same in both.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel, to_snake

from components.core.errors import FairleadError
from components.rollout.plan import Plan
from components.rollout.planes.cluster import Json
from components.rollout.state import Rollout

Mode = Literal["knative", "standard", "httproute"]

FREE = ("labels",)
"""Keys below these are people's own and stay as they are."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Model(_Section):
    """One of the two models."""

    model: Annotated[str, Field(min_length=1)]
    """URI by which the registry knows it: ``models:/sba_loans/2``; without a registry any name."""
    storage_uri: str = ""
    """Where KServe fetches it; empty where ``model`` is such a URI."""
    service: str = ""
    """Mode httproute alone: name of its InferenceService."""
    labels: dict[str, str] = {}
    """Labels of its servers' metrics; empty takes the ``version`` of a URI ``models:/USE_CASE/VERSION``."""


class Target(_Section):
    """What shares the requests out."""

    mode: Mode
    name: Annotated[str, Field(min_length=1)]
    """Of the InferenceService; of the HTTPRoute in mode httproute."""
    route: str = ""
    """Mode standard alone: name of the HTTPRoute that shares the requests out between predictor and canary. The route
    that KServe 0.20 makes does not; without this the gateway has to take the shares from the InferenceService."""
    port: Annotated[int, Field(ge=1, le=65535)] = 80


class Sources(_Section):
    """Where is to be seen what the two models do."""

    prometheus: Annotated[str, Field(pattern=r"^https?://")]
    """URL of a Prometheus that scrapes both models' servers."""
    step_seconds: Annotated[int, Field(ge=1, le=300)] = 15
    """Requests are counted over intervals of this length."""
    scrape_seconds: Annotated[int, Field(ge=1, le=300)] = 15
    """How often Prometheus asks the servers."""
    settle_seconds: Annotated[int, Field(ge=0, le=3600)] = 30
    """After a change of weights requests prove nothing for so long: the gateway may not have followed yet."""
    log: str = ""
    """URI of the prediction log, on a volume that the operator has: ``parquet:////var/lib/fairlead/log``. Metrics of
    outcomes and of mirrored requests come from it; without it they have no data."""
    outcomes: str = ""
    """SQLite file with the outcomes, on such a volume."""


class Request(_Section):
    """What somebody asks for; taken up once."""

    kind: Literal["pause", "resume", "promote", "abort"]
    actor: Annotated[str, Field(min_length=1)]
    reason: str = ""


class Spec(_Section):
    """All that a ModelRollout says; it stays as it was made, the wish apart."""

    actor: Annotated[str, Field(min_length=1)]
    """Who started it."""
    plan: Plan
    stable: Model
    candidate: Model
    traffic: Target
    metrics: Sources
    wish: Request | None = None


def spec_of(found: Json) -> Spec:
    """Read the spec of an object.

    Raises:
        FairleadError: a value is wrong; names each field as people write it, and the rule.
    """
    try:
        return Spec.model_validate(renamed(found.get("spec", {}), to_snake))
    except ValidationError as error:
        wrong = [f"spec.{'.'.join(to_camel(str(p)) for p in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise FairleadError(f"ModelRollout {found['metadata']['name']}: {'; '.join(wrong)}") from error


def rollout_of(found: Json) -> Rollout:
    """Return what an object starts.

    Raises:
        FairleadError: its spec is wrong.
    """
    spec = spec_of(found)
    return Rollout(
        id=id_of(found),
        plan=spec.plan,
        stable=spec.stable.model,
        candidate=spec.candidate.model,
        plane=spec.traffic.mode,
        actor=spec.actor,
        started=found["metadata"]["creationTimestamp"],
    )


def id_of(found: Json) -> str:
    """Return a rollout's id: the object's name, and a part of its uid, for a name may be used again.

    >>> id_of({"metadata": {"name": "sba-2", "uid": "0b7c1f2e-5d1c-4d3e-9a51-3f6f1f0f7a10"}})
    'sba-2.0b7c1f2e'
    """
    return f"{found['metadata']['name']}.{found['metadata']['uid'][:8]}"


def name_of(rollout: str) -> str:
    """Return the object's name out of a rollout's id.

    >>> name_of("sba-2.0b7c1f2e")
    'sba-2'
    """
    return rollout.rpartition(".")[0]


def renamed(value: Any, rule: Any) -> Any:
    """Rename all keys of a document by a rule, but for people's own.

    >>> renamed({"steps": [{"minimumRequests": 5}], "labels": {"appName": "x"}}, to_snake)
    {'steps': [{'minimum_requests': 5}], 'labels': {'appName': 'x'}}
    """
    if isinstance(value, Mapping):
        return {rule(key): item if key in FREE else renamed(item, rule) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [renamed(item, rule) for item in value]
    return value

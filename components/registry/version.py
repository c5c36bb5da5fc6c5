"""A registered version as a value: what the registry's tags say of it."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, TypeAdapter

from components.core.contracts import Contract, GateResult, SliceMetrics
from components.core.errors import FairleadError, IntegrityError
from components.registry.client import ModelVersion

LONGEST_TAG = 100_000
"""Characters that MLflow keeps in a tag."""

_METRICS = TypeAdapter(tuple[SliceMetrics, ...])
_GATES = TypeAdapter(tuple[GateResult, ...])


class Version(BaseModel):
    """One version of a model in the registry."""

    model_config = ConfigDict(frozen=True)

    use_case: str
    version: int
    uri: str
    """Where the bundle is stored."""
    digest: str
    aliases: tuple[str, ...]
    """``champion``, ``challenger`` and ``archived`` are ours; there may be others."""
    archived_at: str | None
    """When another version took its place as champion; None if it never was, or is now."""
    created: str
    """ISO time, UTC."""
    registered_by: str
    run_id: str | None
    contract: Contract
    parameters: dict[str, str]
    metrics: tuple[SliceMetrics, ...]
    gates: tuple[GateResult, ...]

    @property
    def model_uri(self) -> str:
        """URI that ``fetch`` and the model server take."""
        return f"models:/{self.use_case}/{self.version}"


def to_tags(
    digest: str,
    contract: Contract,
    parameters: Mapping[str, object],
    metrics: Sequence[SliceMetrics],
    gates: Sequence[GateResult],
    registered_by: str,
) -> dict[str, str]:
    """Write what is known of a version as tags, so that one call registers all of it.

    Raises:
        FairleadError: a tag would be longer than MLflow keeps.
    """
    tags = {
        "digest": digest,
        "registered_by": registered_by,
        "data_hash": contract.data_hash,
        "as_of": contract.as_of,
        "algorithm": contract.algorithm,
        "contract": contract.model_dump_json(),
        "parameters": json.dumps({name: str(value) for name, value in parameters.items()}, sort_keys=True),
        "metrics": _METRICS.dump_json(tuple(metrics)).decode(),
        "gates": _GATES.dump_json(tuple(gates)).decode(),
    }
    for name, text in tags.items():
        if len(text) > LONGEST_TAG:
            raise FairleadError(
                f"{name} of this model take {len(text)} characters in the registry, at most {LONGEST_TAG} are kept; "
                "measure fewer slices (training.segments)"
            )
    return tags


def from_mlflow(found: ModelVersion, aliases: Mapping[str, int | str]) -> Version:
    """Read a version back from MLflow.

    Args:
        found: MLflow's record.
        aliases: alias → version, of the registered model.

    Raises:
        IntegrityError: the version was not registered by us, or its tags were changed.
    """
    tags = found.tags
    try:
        return Version(
            use_case=found.name,
            version=int(found.version),
            uri=str(found.source),
            digest=tags["digest"],
            aliases=tuple(sorted(a for a, number in aliases.items() if int(number) == int(found.version))),
            archived_at=tags.get("archived_at"),
            created=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC).isoformat(timespec="milliseconds"),
            registered_by=tags["registered_by"],
            run_id=found.run_id or None,
            contract=Contract.model_validate_json(tags["contract"]),
            parameters=json.loads(tags["parameters"]),
            metrics=_METRICS.validate_json(tags["metrics"]),
            gates=_GATES.validate_json(tags["gates"]),
        )
    except (KeyError, ValueError) as error:
        raise IntegrityError(
            f"version {found.version} of {found.name} in the registry has no readable tag {error}; it was not "
            "registered by this platform, or its tags were changed. Other versions are not affected: promote one of "
            f"them if this one is champion, or remove it (MlflowClient.delete_model_version({found.name!r}, "
            f"'{found.version}')) and register its bundle again"
        ) from error

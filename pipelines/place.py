"""Places in which compiled pipelines run: what one cluster wants different from the next, as one YAML file each."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from components import images
from components.core.errors import FairleadError, unknown

SHIPPED = Path(__file__).parent / "places"
"""Folder of the places that ship; each file is named after its place."""

DEFAULT = "local"
"""The place that pipelines/compiled/ is compiled for; it changes nothing of what the steps ask for."""

Name = Annotated[str, StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$", max_length=253)]
"""Of an object in Kubernetes; empty for none."""

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Size = Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]*(Ki|Mi|Gi|Ti|k|M|G|T))?$")]
Bucket = Annotated[str, StringConstraints(pattern=r"^((s3|gs|minio)://[^/\s?#]+(/[^\s?#]*)?)?$")]
Url = Annotated[str, StringConstraints(pattern=r"^(https?://[^\s@]+)?$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Images(_Part):
    """Where steps' images come from."""

    registry: str = Field(default=images.REGISTRY, min_length=1)
    """Registry and folder, without a slash at the end."""
    tag: str = Field(default="", pattern=r"^(\w[\w.-]{0,127})?$")
    """Empty takes this package's version."""
    digests: dict[str, Digest] = {}
    """Image → digest that pins it; an image that is not named here goes by its tag."""
    pull: Literal["", "Always", "IfNotPresent", "Never"] = ""
    """When a node pulls an image; empty leaves it to the cluster."""
    pull_secrets: tuple[Name, ...] = ()
    """Secrets with the credentials of the registry."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.registry.endswith("/") or "://" in self.registry:
            raise ValueError(f"registry {self.registry!r} is to be HOST/FOLDER, without scheme or a slash at the end")
        for name in self.digests:
            if name not in images.images:
                raise ValueError(f"unknown image {name!r} in digests; allowed: {', '.join(images.images)}")
        return self

    def of(self, step: str) -> str:
        """Return the image that a step runs in.

        >>> Images(registry="localhost:5000/team", tag="1.2.0").of("validate-schema")
        'localhost:5000/team/fairlead-tfdv:1.2.0'
        """
        digest = self.digests.get(images.steps.get(step.replace("-", "_"), "platform"), "")
        return images.image_of(step, self.registry, self.tag or None) + (f"@{digest}" if digest else "")


class Toleration(_Part):
    """Lets a step run on nodes with this taint."""

    key: str = Field(min_length=1)
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str = ""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.operator == "Exists" and self.value:
            raise ValueError(f"operator Exists takes no value (found {self.value!r})")
        return self


class Heavy(_Part):
    """What steps that search, train or look from all sides are given besides."""

    node_selector: dict[str, str] = {}
    tolerations: tuple[Toleration, ...] = ()
    scratch: Size = ""
    """Most that a step may put into temporary files on the node's disk before it is evicted; empty for no limit."""
    retries: int = Field(default=0, ge=0, le=10)
    """Tries after a failure, for nodes that may be taken away; what fails from the data fails each time."""


class Resources(_Part):
    """How much of what steps ask for they are given here."""

    scale: float = Field(default=1.0, gt=0, le=64)
    """Times the limits of memory and cpu that ``pipelines/steps.py`` names."""
    reserved: float = Field(default=1.0, gt=0, le=1)
    """Share of its memory that a step reserves; below 1 a crowded node may kill it."""
    patience: float = Field(default=1.0, gt=0, le=64)
    """Times the deadlines."""


class ObjectStore(_Part):
    """How steps that read or write buckets reach them; empty where their service account may, and for AWS itself."""

    secret: Name = ""
    """Secret with the keys ``access-key`` and ``secret-key``."""
    endpoint: Url = ""
    region: str = ""


class Kubeflow(_Part):
    """The installation of Kubeflow Pipelines."""

    host: Url = ""
    """URL of its API; ``--host`` and ``FAIRLEAD_KFP_HOST`` come before it."""
    experiment: str = Field(default="fairlead", min_length=1)
    namespace: Name = ""
    """Of the user, where Kubeflow Pipelines keeps several apart; empty where it has one for all."""
    service_account: Name = ""
    """That steps run under; empty takes the installation's own."""


class Place(_Part):
    """One place."""

    name: str = Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    kubeflow: Kubeflow = Kubeflow()
    pipeline_root: Bucket = ""
    """Where runs keep their artifacts; empty takes the installation's own."""
    images: Images = Images()
    resources: Resources = Resources()
    heavy: Heavy = Heavy()
    object_store: ObjectStore = ObjectStore()
    ledger_claim: Name = ""
    """PersistentVolumeClaim of the ledger, mounted for the steps that use it; FAIRLEAD_LEDGER_PATH names its file.

    ReadWriteMany, unless all those steps run on one node, and writable for user or group 10001 by itself.
    """
    labels: dict[str, str] = {}
    """For every step's pod, besides those that ``pipelines/steps.py`` gives."""
    annotations: dict[str, str] = {}

    @property
    def changes(self) -> bool:
        """Whether a pipeline compiled for here differs from what lies in pipelines/compiled/."""
        return self.model_copy(update={"name": DEFAULT, "kubeflow": Kubeflow()}) != Place(name=DEFAULT)


_here: ContextVar[Place] = ContextVar("place", default=Place(name=DEFAULT))  # noqa: B039  frozen


def here() -> Place:
    """Return the place that is being compiled for."""
    return _here.get()


@contextmanager
def compiling_for(place: Place) -> Iterator[None]:
    """Let every step that is put into a pipeline meanwhile be one for this place."""
    token = _here.set(place)
    try:
        yield
    finally:
        _here.reset(token)


def shipped() -> list[str]:
    """List the names of the places that ship."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load(place: str) -> Place:
    """Load a place by the name of one that ships, or by the path of a YAML file; a file's name is the place's.

    Raises:
        FairleadError: no such place, or a value in it is wrong; names each field, the value found and the rule.
    """
    path = SHIPPED / f"{place}.yaml" if place in shipped() else Path(place)
    if path.suffix not in {".yaml", ".yml"} or not path.is_file():
        raise unknown("place", place, shipped(), "Or give the path of a YAML file of your own.")
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        if not isinstance(found, dict):
            raise FairleadError(f"place {path}: a mapping of settings is needed (found {str(found)[:80]!r})")
        return Place.model_validate({**found, "name": path.stem})
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FairleadError(f"place {path} is not YAML: {error}") from error
    except ValidationError as error:
        wrong = [f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}{_found(e['input'])}" for e in error.errors()]
        raise FairleadError(f"place {path}: {'; '.join(wrong)}") from error


def _found(value: object) -> str:
    return "" if isinstance(value, dict) else f" (found {str(value)[:80]!r})"

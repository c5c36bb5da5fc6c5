"""Pipeline parameters from what a user types."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from components.core import use_case as use_cases
from components.core.artifacts import hash_file
from components.core.errors import FairleadError, unknown
from components.features.catalogue import catalogue
from components.features.transform import select

TODAY = "today"
"""Stands for the day, in UTC, on which a run is asked for."""


class Shard(BaseModel):
    """One task of the search."""

    model_config = ConfigDict(extra="forbid")

    algorithm: Literal["xgboost", "logistic"]
    seed: int
    trials: int = Field(ge=1)


_FURTHER: dict[str, dict[str, TypeAdapter[Any] | None]] = {
    "training": {"shards": TypeAdapter(list[Shard])},
    "monitoring": {"log": None, "outcomes": None},
    "explain": {"version": None, "method": None},
    "mitigation": {"shards": TypeAdapter(list[Shard])},
}
"""By pipeline the parameters that have no option of their own, and their type; None for plain text."""


_UNMENDED = ("explain", "mitigation")
"""Pipelines that take no repaired rows."""


def parameters(
    use_case: str,
    as_of: str,
    source: str,
    extra: tuple[str, ...] = (),
    repaired: str = "",
    pipeline: str = "training",
    log: str = "",
) -> dict[str, Any]:
    """Check the arguments of a run here, where an error costs nothing, and put them into the pipeline's form.

    Args:
        use_case: name of one that ships, or the path of a YAML file; a file travels as its text.
        as_of: ISO date, ``today``, or empty for the use case's own; travels as a date, so that the run can be repeated.
            Of monitoring it is the day of the look; empty is the day on which the run runs.
        source: where the raw table is, or empty for the use case's own.
        extra: further parameters, each ``NAME=VALUE`` with a JSON value, or text where the parameter is text.
        repaired: where a table of repaired rows is, or empty for none.
        pipeline: whose parameters.
        log: of predictions, for monitoring where ``extra`` names none.

    Raises:
        FairleadError: an argument is wrong; names it and what is allowed.
    """
    case = use_cases.load(use_case)
    select(case.features.names, catalogue(case.name))
    text = use_case if use_case in use_cases.shipped() else Path(use_case).read_text(encoding="utf-8")
    found = {
        "use_case": text,
        **_day(case, as_of, pipeline),
        "source": source,
        "freshness": freshness(source or case.data.source),
        **_mended(repaired, pipeline),
        **({"log": log} if pipeline == "monitoring" else {}),
        **dict(_further(item, pipeline) for item in extra),
    }
    if pipeline == "monitoring" and not found["log"]:
        raise FairleadError(
            "monitoring needs the prediction log; say where it is, as the steps can reach it: --set log=sqlite:///…"
        )
    return found


def freshness(source: str) -> str:
    """Tell one content of a source from the next, so that a cached copy is not taken for a new one.

    A local file is told by its hash, one that ships by its name, and one elsewhere by the present time: whether that
    has changed cannot be known from here, so it is read anew.
    """
    if source.startswith("sample://"):
        return ""
    path = Path(source)
    return hash_file(path) if path.is_file() else datetime.now(UTC).isoformat()


def _mended(repaired: str, pipeline: str) -> dict[str, str]:
    if pipeline not in _UNMENDED:
        return {"repaired": repaired, "repaired_freshness": freshness(repaired) if repaired else ""}
    if repaired:
        raise FairleadError(f"{pipeline} takes no repaired rows; bring a table that holds them: --source")
    return {}


def _day(case: use_cases.UseCase, as_of: str, pipeline: str) -> dict[str, str]:
    if pipeline == "monitoring":
        # Empty stays so: a schedule looks at the day on which each of its runs runs.
        return {"now": _training_date(case, as_of).isoformat() if as_of else ""}
    if pipeline == "explain":
        if as_of:
            raise FairleadError("explain has no training date; say which model: --set version=NUMBER, or an alias")
        return {}
    return {"as_of": _training_date(case, as_of).isoformat()}


def _training_date(case: use_cases.UseCase, as_of: str) -> date:
    today = datetime.now(UTC).date()
    found = today if as_of == TODAY else use_cases.as_of_date(case, as_of)
    if found > today:
        raise FairleadError(f"as_of {found} has not come yet; the latest day is today, {today}")
    return found


def _further(item: str, pipeline: str) -> tuple[str, Any]:
    name, equals, text = item.partition("=")
    if not equals:
        raise FairleadError(f"--set {item!r} is not of the form NAME=VALUE")
    known = _FURTHER[pipeline]
    if name not in known:
        raise unknown("parameter in --set", name, known, "The others have an option of their own: see --help.")
    kind = known[name]
    if kind is None:
        return name, text
    try:
        values = kind.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FairleadError(f"--set {name}: {where or 'the value'}: {first['msg']} (found {text[:80]!r})") from error
    if not values:
        raise FairleadError(f"--set {name}: the list is empty; give at least one")
    return name, [value.model_dump() for value in values]

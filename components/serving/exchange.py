"""What passes between the codecs, the door and the model: requests and answers, free of any wire format."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from components.core.errors import ContractViolation, FairleadError
from components.core.shown import shown

EXPLAINS = "x-fairlead-explains"
"""Header of the calls by which an explainer has rows scored that it made up: they are answered, and neither logged nor
counted as predictions. A client that sends it hides its own requests, and no one else's."""


Id = TypeVar("Id", str, str | None)

REQUEST_ID = "x-request-id"
"""Header that names a request whose body does not."""

KEPT_AS = "x-fairlead-quarantine"
"""Header (gRPC: trailing metadata) of an error, with the name under which the request's rows are kept."""

REMEDIES = "remedies"
"""V2 parameter of an answer with the rows in which odd values were replaced, as ``Answer.remedies``."""

LOGGED = 5
"""Breaches told in one line of the log."""

LONG_ID = 200
"""Most characters of a request's id, wherever it stands: it goes into each logged row, and into headers."""


def checked_id(found: Id, where: str = "'id'") -> Id:
    """Return a request's id as it was given.

    Args:
        found: the id; None or empty where there is none.
        where: what it was found in, for the error.

    Raises:
        ContractViolation: it is too long.
    """
    if found and len(found) > LONG_ID:
        raise ContractViolation(f"{where}: {len(found)} characters found, allowed: up to {LONG_ID}")
    return found


class TooLarge(ContractViolation):
    """A request with more rows or bytes than the server takes; answered with 413."""


class Encoded(ContractViolation):
    """A request whose body is compressed, or the like; answered with 415."""


def plain(encoding: str | bytes | None) -> None:
    """Check that a body comes as it is.

    Args:
        encoding: value of the ``content-encoding`` header, None without one.

    Raises:
        Encoded: it does not.
    """
    if encoding is None:
        return
    text = encoding.decode("latin-1") if isinstance(encoding, bytes) else encoding
    if text.strip().lower() not in ("", "identity"):
        raise Encoded(f"header content-encoding: found {text[:20]!r}, allowed: identity; send the body as it is")


class UnknownModel(FairleadError):
    """A request for a model or version that is not served here; answered with 404."""


class NotReady(FairleadError):
    """The server has no model yet, or refused the one it was given; answered with 503."""


class NotOffered(FairleadError):
    """Something that this model's kind cannot give; answered with 501."""


class Overloaded(FairleadError):
    """More requests under way than the server takes; answered with 503, to be tried again."""


class Late(FairleadError):
    """A request that could not be answered within its deadline; answered with 504."""


class Slow(FairleadError):
    """A request that did not come in whole within its deadline; answered with 408."""


class Unavailable(FairleadError):
    """Something that the server needs for this request is down; answered with 503."""


class Withheld(FairleadError):
    """A request with a row that a rule keeps from the model: none of it is scored, and all of it is kept.

    Args:
        text: which row, and why.
        group: under which its rows are in the quarantine.
        odd: for each row that a rule keeps back, what is done with it and the oddity that decided; for the log and for
            the metrics, without a value.
    """

    remedy = ""

    def __init__(self, text: str, group: str, odd: Sequence[tuple[str, str]]) -> None:
        super().__init__(text)
        self.group = group
        self.odd = tuple(odd)


class Rejected(Withheld):
    """The client should mend a row and send it again; answered with 422."""

    remedy = "reject"


class Quarantined(Withheld):
    """A person has to decide on a row; answered with 409: there is nothing that the client could do better."""

    remedy = "quarantine"


def status_of(error: FairleadError) -> HTTPStatus:
    """Return the HTTP status that tells a client whose fault an error is."""
    for kind, status in _STATUSES.items():
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def for_log(error: FairleadError) -> str:
    """Say for the server's log why a request was refused, without any value of it: they may be personal.

    >>> for_log(ContractViolation("input 'Zip', row 0: found 123456, allowed: …", [("Zip", "domain")]))
    "contract broken: 'Zip' domain"
    """
    if isinstance(error, Withheld):
        told = ", ".join(f"{remedy} for {when}" for remedy, when in error.odd[:LOGGED])
        more = f" and {len(error.odd) - LOGGED} more" if len(error.odd) > LOGGED else ""
        return f"odd rows: {told}{more}; kept as {error.group}"
    found = getattr(error, "breaches", ())
    if not found:
        return str(error)
    told = ", ".join(f"{shown(name)} {reason}" for name, reason in found[:LOGGED])
    return f"contract broken: {told}" + (f" and {len(found) - LOGGED} more" if len(found) > LOGGED else "")


# The first that fits; a class stands in front of its base.
_STATUSES: dict[type[FairleadError], HTTPStatus] = {
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Encoded: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ContractViolation: HTTPStatus.BAD_REQUEST,
    Rejected: HTTPStatus.UNPROCESSABLE_ENTITY,
    Quarantined: HTTPStatus.CONFLICT,
    UnknownModel: HTTPStatus.NOT_FOUND,
    NotReady: HTTPStatus.SERVICE_UNAVAILABLE,
    Overloaded: HTTPStatus.SERVICE_UNAVAILABLE,
    Slow: HTTPStatus.REQUEST_TIMEOUT,
    Late: HTTPStatus.GATEWAY_TIMEOUT,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    NotOffered: HTTPStatus.NOT_IMPLEMENTED,
}


@dataclass(frozen=True)
class Tensor:
    """One input as it came in, not yet looked at.

    Args:
        name: what the client calls it.
        datatype: V2 datatype that the client says it has.
        shape: shape that the client says it has.
        data: JSON values (a list, perhaps nested) or, from a binary body, an array.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: list[Any] | npt.NDArray[Any]


@dataclass(frozen=True)
class Wanted:
    """An output that the client asks for, as JSON numbers or as raw bytes."""

    name: str
    binary: bool = False


@dataclass(frozen=True)
class Request:
    """One call.

    Args:
        tensors: inputs.
        id: the client's own name for the call.
        outputs: which outputs to give, in order; None gives all.
        binary: give outputs as raw bytes where the client says nothing about one of them.
    """

    tensors: tuple[Tensor, ...]
    id: str | None = None
    outputs: tuple[Wanted, ...] | None = None
    binary: bool = False


@dataclass(frozen=True)
class Result:
    """One output tensor: values of shape (n,)."""

    name: str
    datatype: str
    values: "np.ndarray[tuple[int], np.dtype[Any]]"
    binary: bool = False


@dataclass(frozen=True)
class Answer:
    """The answer to one call."""

    model: str
    version: str
    id: str
    outputs: tuple[Result, ...]
    remedies: str = ""
    """A JSON list of the rows in which odd values were replaced before they were scored; empty where none were."""

    @property
    def rows(self) -> int:
        """How many rows were scored."""
        return len(self.outputs[0].values) if self.outputs else 0

"""The errors that Fairlead raises on purpose."""

from collections.abc import Iterable, Sequence


class FairleadError(Exception):
    """Base of every error a user can cause and mend; its text names the thing, the value found and the way out."""


class ContractViolation(FairleadError):
    """A request or a table does not fit the model's contract; servers answer it with a 4xx status.

    Args:
        text: what is wrong.
        breaches: (field, reason) of each thing that is wrong, where that can be told; reasons are few and fixed, so
            that they can be counted: ``missing``, ``unknown``, ``repeated``, ``datatype``, ``shape``, ``type``,
            ``null``, ``domain``.
    """

    def __init__(self, text: str, breaches: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(text)
        self.breaches = tuple(breaches)


class IntegrityError(FairleadError):
    """A bundle, data set or ledger is not what it says it is; it must not be used."""


class GateFailed(FairleadError):
    """A gate stopped the run; carries the table of gates as its text."""


class QuarantineLimitExceeded(FairleadError):
    """Too large a share of the rows broke an expectation for the run to go on."""


def unknown(thing: str, found: object, allowed: Iterable[object], way_out: str = "") -> FairleadError:
    """Make the error for a name that is not one of the known ones.

    Args:
        thing: what was asked for, for example ``"use case"``.
        found: the value given.
        allowed: the values that would have been taken.
        way_out: one sentence on what to do, when it is not obvious.

    >>> str(unknown("role", "king", ["approver", "operator"]))
    "unknown role 'king'; allowed: approver, operator"
    """
    text = f"unknown {thing} {found!r}; allowed: {', '.join(str(a) for a in allowed) or 'none'}"
    return FairleadError(f"{text}. {way_out}" if way_out else text)

import pytest

from components.core.errors import ContractViolation, FairleadError, IntegrityError
from components.serving.exchange import (
    Late,
    NotOffered,
    NotReady,
    Overloaded,
    TooLarge,
    Unavailable,
    UnknownModel,
    status_of,
)
from components.serving.rpc import status_of as grpc_status_of


@pytest.mark.parametrize(
    ("error", "http", "grpc"),
    [
        (ContractViolation, 400, "INVALID_ARGUMENT"),
        (TooLarge, 413, "RESOURCE_EXHAUSTED"),
        (UnknownModel, 404, "NOT_FOUND"),
        (NotReady, 503, "UNAVAILABLE"),
        (Overloaded, 503, "UNAVAILABLE"),
        (Unavailable, 503, "UNAVAILABLE"),
        (Late, 504, "DEADLINE_EXCEEDED"),
        (NotOffered, 501, "UNIMPLEMENTED"),
        (IntegrityError, 500, "INTERNAL"),
        (FairleadError, 500, "INTERNAL"),
    ],
)
def test_each_error_has_its_status_in_both_protocols(error, http, grpc):
    assert status_of(error("why")) == http
    code, details = grpc_status_of(error("why"))
    assert (code.name, details) == (grpc, "why")


def test_too_large_is_a_violation_to_whoever_catches_those():
    assert issubclass(TooLarge, ContractViolation)

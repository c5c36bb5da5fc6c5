import pytest

from components.core import errors


def test_an_unknown_name_is_told_with_those_allowed_and_the_way_out():
    error = errors.unknown("step", "bake", ["mix", "cool"], "See --help.")
    assert isinstance(error, errors.FairleadError)
    assert str(error) == "unknown step 'bake'; allowed: mix, cool. See --help."


def test_an_empty_choice_is_told_as_none():
    assert str(errors.unknown("model", "x", [])) == "unknown model 'x'; allowed: none"


@pytest.mark.parametrize(
    "child",
    [errors.ContractViolation, errors.IntegrityError, errors.GateFailed, errors.QuarantineLimitExceeded],
)
def test_every_error_of_ours_is_caught_by_its_base(child):
    with pytest.raises(errors.FairleadError, match="why"):
        raise child("why")

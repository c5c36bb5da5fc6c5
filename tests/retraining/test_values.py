import pytest
from pydantic import ValidationError

from components.retraining.values import ENDED, Run
from tests.retraining.world import decision


def made(state):
    return Run(key="k1", use_case="sba_loans", decision=decision(), state=state)


def test_a_run_has_ended_in_the_states_that_nothing_follows():
    assert [s for s in ("decided", "started", "registered", "rolling_out") if made(s).ended] == []
    assert all(made(state).ended for state in ENDED)


def test_a_run_survives_being_written_down():
    assert Run.model_validate_json(made("started").model_dump_json()) == made("started")


def test_an_unknown_state_is_refused():
    with pytest.raises(ValidationError, match="given_up"):
        made("lost")

import json
from datetime import datetime
from typing import get_args

import pytest
from pydantic import ValidationError

from components.rollout.state import FINAL, LIVE, Decision, Observation, Phase
from components.rollout.traffic import Traffic
from tests.rollout.looks import START, STRATEGIES, evidence, look, plan, rollout, starting, wish


def test_every_phase_is_either_live_or_final():
    assert sorted((*LIVE, *FINAL)) == sorted(get_args(Phase))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_values_come_back_from_json_as_they_were(strategy):
    started = rollout(plan(strategy))
    values = [started, starting(started.plan), Decision(kind="hold", state=starting(started.plan))]
    endless = {"brier": evidence("brier", e_harm=float("inf"))}
    values.append(look(evidence=endless, wish=wish("pause"), approval="a1", refusal="ben: no"))
    for value in values:
        again = json.loads(json.dumps(value.model_dump(mode="json")))
        assert type(value).model_validate(again) == value


def test_a_start_gives_the_candidate_nothing_yet():
    state = starting(plan())
    assert (state.phase, state.traffic, state.looks, state.final) == ("starting", Traffic(), 0, False)
    assert state.reason == "started by anna: models:/sba_loans/2 against models:/sba_loans/1"


def test_a_time_without_its_zone_is_refused():
    with pytest.raises(ValidationError, match="timezone"):
        Observation(at=datetime(2026, 3, 1))


def test_what_was_not_seen_is_not_a_zero():
    nothing = Observation(at=START)
    assert nothing.evidence == {}
    assert nothing.healthy.get("candidate") is None
    assert nothing.seen == 0


def test_a_wish_names_who_when_and_why():
    assert str(wish("pause")) == "olga at 2026-03-01 09:00:00 UTC: as agreed"


def test_values_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        starting(plan()).phase = "promoted"

import pytest

from components.rollout import history
from components.rollout.decide import decide
from components.rollout.explain import explain
from components.rollout.store import SqliteStore
from tests.rollout.looks import HARM, NEUTRAL, SAFE, START, evidence, look, plan, rollout, wish


@pytest.fixture
def told(tmp_path):
    store = SqliteStore(tmp_path / "rollouts.db")
    known = history.start(store, rollout(plan()))

    def tell(*seen, error="", failure=""):
        found = known
        for one in seen:
            found = history.record_look(store, found, one, decide(plan(), found.state, one), error)
        if failure:
            found = history.record_failure(store, found, START, failure)
        return "\n".join(explain(found))

    return tell


def test_before_the_first_look_it_says_how_to_look(told):
    assert "nobody has looked yet" in told()
    assert told().endswith("start looking with: fairlead rollout run sba-1")


def test_it_says_what_was_seen_and_what_is_missing(told):
    growing = {**NEUTRAL, "brier": evidence("brier", e_safe=6.4)}
    text = told(look(1), look(2, 1084, evidence=growing))
    assert text.startswith("sba-1: running, 25 % of the requests\n  because step 1 of 3 (5 %)")
    assert "1,084 given to candidate, 1,000 given to stable" in text
    assert "harm beyond 0.005: e-value 1, goes at 120" in text
    assert "brier: candidate - stable +0 [-0.05, +0.05] on 500 and 500 requests" in text
    assert "e-value 6.4, needs 40 (about 988 more requests at this pace)" in text
    assert "(not growing yet)" in text
    assert "still missing for a promotion: 2" in text
    assert "an approval" in text
    assert text.endswith("to step in: fairlead rollout pause | promote | abort sba-1")


def test_it_tells_what_cannot_be_seen_or_done(told):
    text = told(look(1), look(2, healthy={"stable": False}, evidence={}), error="blind", failure="no proxy")
    assert "NOT BROUGHT ABOUT: no proxy" in text
    assert "  blind" in text
    assert "stable CANNOT answer" in text
    assert "error_rate: no data: " in text


def test_what_is_over_asks_for_nothing_more(told):
    text = told(look(1), look(2, 50, evidence=HARM))
    assert "rolled back, 0 % of the requests" in text
    assert "missing" not in text
    assert "step in" not in text


def test_a_promotion_that_the_registry_holds_up_says_so(told):
    last = {"evidence": SAFE, "approval": "a1"}
    text = told(look(1), look(2, 500, **last, wish=wish("promote")), look(3, 510, **last), failure="no registry")
    assert text.startswith("sba-1: promoting, 5 % of the requests")
    assert "NOT BROUGHT ABOUT: no registry" in text
    assert "still missing for a promotion: that the registry makes it reign, with approval a1" in text
    assert text.endswith("to step in: fairlead rollout pause | abort sba-1")


def test_what_is_shown_is_called_shown(told):
    assert "needs 40 (shown)" in told(look(1), look(2, 500, evidence=SAFE))


def test_the_answer_to_a_wish_outlives_the_look_that_gave_it(told):
    text = told(look(1), look(2, 50, wish=wish("promote")), look(3, 60))
    assert "the last wish was answered at look 2: promotion asked for by olga" in text
    assert "refused: the candidate was given 50 of 100 requests" in text


def test_a_pause_is_told_as_long_as_it_lasts(told):
    assert "because paused by olga" in told(look(1), look(2, 50, wish=wish("pause")), look(3, 60))

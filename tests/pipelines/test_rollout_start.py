import pytest

from components.core.config import read_settings
from components.core.errors import FairleadError
from components.core.ledger import Ledger
from components.rollout import history
from components.rollout.planes.memory import MemoryPlane
from components.rollout.state import Observation
from components.rollout.traffic import Traffic
from pipelines import rollout_start
from pipelines.rollout_around import Machinery, store_of
from pipelines.rollout_start import run_on, start
from tests.rollout.looks import NEUTRAL, SAFE, START, plan


@pytest.fixture
def settings(tmp_path):
    return read_settings({"FAIRLEAD_HOME": str(tmp_path / "home"), "USER": "olga"})


def begin(settings, of=None, stable="old", candidate="new", plane="memory", name=""):
    return start(settings, of or plan(approval=False), stable, candidate, plane, name)


def test_a_start_is_recorded_under_the_plans_name_and_a_number(settings):
    made = begin(settings)
    assert (made.id, made.stable, made.candidate, made.actor) == ("test-1", "old", "new", "olga")
    assert history.read(store_of(settings), "test-1").rollout == made


def test_names_are_not_used_twice(settings):
    store = store_of(settings)
    begin(settings, name="test-2")
    history.record_settled(store, history.read(store, "test-2"), START)
    assert begin(settings).id == "test-3"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"candidate": "old"}, "old is stable model and candidate at once"),
        ({"candidate": "models:/sba_loans/2"}, "promotes with an approval alone; set approval: true"),
        ({"candidate": "models:/other/2", "of": plan()}, "is no version of sba_loans"),
        ({"candidate": "models:/sba_loans", "of": plan()}, "is no registered version"),
        ({"of": plan()}, "new is not in the registry, so nobody can approve it"),
        ({"of": plan(use_case="nothing", approval=False)}, "nothing"),
    ],
)
def test_models_that_do_not_fit_the_plan_are_told_before_anything_runs(settings, changes, says):
    with pytest.raises(FairleadError, match=says):
        begin(settings, **changes)
    assert store_of(settings).rollouts() == []


def test_an_unknown_plane_is_told(settings):
    begin(settings, plane="carrier-pigeon")
    with pytest.raises(FairleadError, match="unknown plane 'carrier-pigeon'; allowed: envoy, memory"):
        run_on(settings, "test-1", lambda _: None, print)


def scripted(monkeypatch, admit=lambda: None):
    """Put a plane in place whose candidate shows, look by look, that it is safe."""
    plane, opened = MemoryPlane(), []

    def observe(state):
        seen = 200 * state.looks
        found = SAFE if state.looks > 4 else NEUTRAL
        return Observation(at=START, requests={"stable": seen, "candidate": seen}, evidence=found)

    def machinery(*_):
        return Machinery(plane, observe, lambda: opened.append("stable"), admit, "http://localhost:1/infer")

    monkeypatch.setattr(rollout_start, "machinery", machinery)
    return plane, opened


STEPS = ({"weight": 20}, {"weight": 50})


def test_it_runs_to_its_end_and_says_what_changes(settings, monkeypatch):
    plane, opened = scripted(monkeypatch)
    begin(settings, plan(approval=False, steps=STEPS, look_seconds=0.001))
    said = []
    assert run_on(settings, "test-1", lambda _: None, said.append).phase == "promoted"
    assert opened == ["stable"]
    assert said[0] == "requests are taken at http://localhost:1/infer"
    assert [line.split(": ")[1] for line in said[1:]] == [f"running, {w} % of the requests" for w in (20, 50)]
    assert plane.applied == [Traffic(candidate=20), Traffic(candidate=50), Traffic()]
    assert Ledger(settings.ledger_path).verify() == 5


def test_what_is_over_is_not_brought_up_again(settings, monkeypatch):
    scripted(monkeypatch)
    begin(settings, plan(approval=False, steps=STEPS, look_seconds=0.001))
    run_on(settings, "test-1", lambda _: None, print)
    _, opened = scripted(monkeypatch, admit=lambda: pytest.fail("the candidate was started again"))
    assert run_on(settings, "test-1", lambda _: None, print).phase == "promoted"
    assert opened == []


def test_a_candidate_that_cannot_be_served_is_taken_back(settings, monkeypatch):
    def admit():
        raise FairleadError("its bundle is refused")

    scripted(monkeypatch, admit)
    begin(settings)
    said = []
    state = run_on(settings, "test-1", lambda _: None, said.append)
    assert state.phase == "aborted"
    assert "the candidate cannot be served: its bundle is refused" in state.reason
    assert said[0] == "the candidate cannot be served: its bundle is refused"

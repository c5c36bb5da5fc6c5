"""The plane in this process draws as a proxy would."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.rollout.planes.memory import MemoryPlane
from components.rollout.traffic import Traffic


@pytest.mark.parametrize("weight", [0, 1, 30, 99, 100])
def test_weights_are_what_they_say(weight: int) -> None:
    plane = MemoryPlane()
    plane.apply(Traffic(candidate=weight))
    drawn = [plane.draw() for _ in range(5000)]
    count = sum(d.answered == "candidate" for d in drawn)
    share = weight / 100
    assert abs(count - 5000 * share) <= 5 * (5000 * share * (1 - share)) ** 0.5
    assert {d.share for d in drawn} == {weight}
    assert plane.drawn["candidate"] == count


@given(st.text(min_size=1), st.integers(0, 99), st.integers(1, 100))
def test_a_key_that_went_over_stays_over(key: str, low: int, more: int) -> None:
    plane = MemoryPlane(salt="r")
    sides = []
    for weight in (low, min(100, low + more)):
        plane.apply(Traffic(candidate=weight))
        sides.append(plane.draw(key).chosen)
        assert plane.draw(key).chosen == sides[-1]
    assert sides != ["candidate", "stable"]


def test_the_stable_model_steps_in_for_a_dead_candidate_and_not_the_other_way() -> None:
    plane = MemoryPlane()
    plane.apply(Traffic(candidate=100))
    plane.take_down("candidate")
    assert (plane.draw().chosen, plane.draw().answered) == ("candidate", "stable")
    assert plane.healthy() == {"stable": True, "candidate": False}
    plane.apply(Traffic())
    plane.take_down("stable")
    plane.take_down("candidate", down=False)
    assert plane.draw().answered is None


def test_every_request_is_copied_while_there_is_a_mirror() -> None:
    plane = MemoryPlane()
    plane.apply(Traffic(mirror="candidate"))
    assert {(d.answered, d.mirrored) for d in (plane.draw() for _ in range(100))} == {("stable", "candidate")}


def test_a_dead_candidate_cannot_win() -> None:
    plane = MemoryPlane()
    plane.take_down("candidate")
    with pytest.raises(FairleadError, match="it is down"):
        plane.finish("candidate")


def test_without_a_candidate_there_is_nothing_to_send_it() -> None:
    plane = MemoryPlane()
    plane.finish("candidate")
    with pytest.raises(FairleadError, match="needs a candidate"):
        plane.apply(Traffic(candidate=1))
    plane.admit()
    plane.apply(Traffic(candidate=1))
    assert plane.applied == [Traffic(candidate=1)]

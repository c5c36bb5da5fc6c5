"""From the promotion that is earned to the candidate that reigns: the registry may refuse, harm may come between."""

import pytest

from components.core.errors import FairleadError
from components.rollout import history as histories
from tests.rollout.acting import FilePromotion
from tests.rollout.looks import plan, rollout
from tests.rollout.world import World, script, until_settled


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "w")


class Refusing(FilePromotion):
    def promote(self, _rollout, _approval):
        raise FairleadError("the ledger was tampered with")


def refused(world):
    """Look until the registry has refused twice."""
    controller = world.controller(promotion=Refusing(world.promotion.path))
    while world.phase != "promoting" or controller.attempt():
        controller.attempt()
    assert (world.phase, controller.history.failure) == ("promoting", "the ledger was tampered with")
    assert world.plane.lines()[-1] == '{"candidate":50,"mirror":null}'
    return controller


def test_a_registry_that_refuses_keeps_the_last_share_from_moving(world):
    refused(world)
    until_settled(world.controller())
    assert world.plane.lines()[-1] == "finished: candidate"
    assert histories.read(world.store, "sba-1").state.reason.endswith("; approval a1")


@pytest.mark.parametrize("change", ["harm", "abort", "unhealthy"])
def test_what_the_registry_refuses_may_still_be_taken_back(world, change):
    controller = refused(world)
    if change == "abort":
        world.ask("abort")
    elif change == "unhealthy":
        world.plane.well = {"stable": True, "candidate": False}
    else:
        harmful = controller.history.state.looks
        world.observe = script(harm_at=harmful)
        controller = world.controller(promotion=Refusing(world.promotion.path))
    controller.look()
    assert (world.phase, controller.history.settled) == ("aborted" if change == "abort" else "rolled_back", True)
    assert world.plane.lines()[-2:] == ['{"candidate":0,"mirror":null}', "finished: stable"]
    histories.start(world.store, rollout(plan()).model_copy(update={"id": "sba-2"}))


def test_harm_that_comes_while_the_registry_refuses_is_answered_though_it_would_no_longer_refuse(world):
    controller = refused(world)
    world.observe = script(harm_at=controller.history.state.looks)
    world.controller().look()
    assert (world.phase, world.promotion.lines()) == ("rolled_back", ["asked"])


def test_a_candidate_that_reigns_is_promoted_whatever_comes_between(world):
    """Killed between the registry and the record, and then asked to abort: the registry's word counts."""
    controller = refused(world)
    world.promotion.promote(None, "a1")
    world.ask("abort")
    world.observe = script(harm_at=controller.history.state.looks)
    world.controller().look()
    assert world.phase == "promoted"
    assert world.plane.lines()[-1] == "finished: candidate"


def test_a_wish_that_comes_while_the_registry_acts_does_not_undo_it(world):
    class Asking(FilePromotion):
        def promote(self, a_rollout, approval):
            super().promote(a_rollout, approval)
            world.ask("abort")

    until_settled(world.controller(promotion=Asking(world.promotion.path)))
    assert world.phase == "promoted"

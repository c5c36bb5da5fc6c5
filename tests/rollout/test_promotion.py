import inspect

from components.rollout.promotion import NoRegistry, Promotion
from components.rollout.registry_promotion import ByRegistry
from tests.rollout.acting import FilePromotion
from tests.rollout.looks import plan, rollout

IMPLEMENTATIONS = (NoRegistry, ByRegistry, FilePromotion)


def test_every_implementation_has_the_whole_interface():
    wanted = {name for name, _ in inspect.getmembers(Promotion, inspect.isfunction) if not name.startswith("_")}
    assert len(wanted) <= 5
    for made in IMPLEMENTATIONS:
        assert wanted <= {name for name, _ in inspect.getmembers(made, inspect.isfunction)}


def test_outside_the_registry_nobody_is_asked():
    outside, of = NoRegistry(), rollout(plan(approval=False))
    outside.ask(of)
    assert (outside.approval(of), outside.refusal(of)) == (None, None)
    outside.promote(of, None)

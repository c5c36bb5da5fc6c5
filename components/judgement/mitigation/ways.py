"""The ways by name, each with when it may be used."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from components.core.errors import unknown
from components.judgement.mitigation import after, before, during, lawful
from components.judgement.mitigation.decider import Decider
from components.judgement.mitigation.problem import Problem

Name = Literal["reweighing", "without_proxies", "constrained", "one_threshold", "group_thresholds"]

NAMES: tuple[Name, ...] = get_args(Name)

Stage = Literal["baseline", "before", "during", "after"]


@dataclass(frozen=True)
class Way:
    """One way to make decisions less unequal.

    Args:
        run: (problem, strength) → decider; a pure function. Strength, above 0 and up to 1, is how hard it tries.
        stage: whether it changes what is learned from, how, or only what is decided.
        title: in a few words.
        lawful: when it may be used, in general.
    """

    run: Callable[[Problem, float], Decider]
    stage: Stage
    title: str
    lawful: str


WAYS: dict[Name, Way] = {
    "reweighing": Way(before.reweighed, "before", "rows weighed anew", lawful.TRAINING_ALONE),
    "without_proxies": Way(before.without_proxies, "before", "without the strongest proxies", lawful.TRAINING_ALONE),
    "constrained": Way(during.constrained, "during", "trained under a limit on the gap", lawful.TRAINING_ALONE),
    "one_threshold": Way(after.one_threshold, "after", "one other threshold for all", lawful.BLIND_CHOICE),
    "group_thresholds": Way(after.group_thresholds, "after", "a threshold for each group", lawful.BY_GROUP),
}


def way(name: str) -> Way:
    """Return a way by name.

    Raises:
        FairleadError: there is none of that name.
    """
    found = {str(known): value for known, value in WAYS.items()}.get(name)
    if found is None:
        raise unknown("way of mitigation", name, NAMES)
    return found

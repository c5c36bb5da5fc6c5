"""Starting a rollout on this machine, and going on with one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from components.core import use_case as use_cases
from components.core.config import Settings
from components.core.errors import FairleadError
from components.registry.registry import CHALLENGER, CHAMPION, Registry
from components.rollout import history
from components.rollout.controller import Controller
from components.rollout.explain import headline
from components.rollout.plan import Plan
from components.rollout.registry_promotion import MODELS, parse
from components.rollout.state import Observation, Rollout, State
from components.rollout.store import Store
from pipelines.rollout_around import Machinery, around, machinery, store_of

Say = Callable[[str], object]


def start(settings: Settings, plan: Plan, stable: str, candidate: str, plane: str, rollout_id: str) -> Rollout:
    """Record the start of a rollout; nothing runs yet, see ``run_on``.

    Args:
        settings: where, and who acts.
        plan: of the rollout.
        stable: URI of the reigning model, empty for the registered champion.
        candidate: URI of the candidate, empty for the challenger.
        plane: name of the traffic plane.
        rollout_id: empty for the plan's name with a number.

    Raises:
        FairleadError: the models do not fit the plan, or another rollout of the use case is not over.
    """
    use_cases.load(plan.use_case)
    store = store_of(settings)
    made = Rollout(
        id=rollout_id or _free_id(store, plan),
        plan=plan,
        stable=_pinned(settings, stable or f"{MODELS}{plan.use_case}@{CHAMPION}"),
        candidate=_pinned(settings, candidate or f"{MODELS}{plan.use_case}@{CHALLENGER}"),
        plane=plane,
        actor=settings.actor,
        started=datetime.now(UTC),
    )
    _check(made)
    history.start(store, made)
    return made


def run_on(
    settings: Settings,
    rollout_id: str,
    wait: Callable[[float], None],
    say: Say,
    until: Callable[[State], bool] = lambda _: False,
) -> State:
    """Bring up what a rollout needs and run it until it is over; goes on wherever an earlier run stopped.

    Args:
        settings: where, and who acts.
        rollout_id: of one that was started.
        wait: sleeps for so many seconds.
        say: takes one line of progress.
        until: asked after each look; True leaves the rollout as it is, for whoever goes on with it.

    Raises:
        FairleadError: there is no such rollout, or the stable model cannot be served; it can be run again then.
    """
    store = store_of(settings)
    known = history.read(store, rollout_id)
    made = machinery(settings, known.rollout)
    if not known.settled:
        _bring_up(store, known, made, settings, say)
    watched = replace(made, observe=_telling(made.observe, say))
    return Controller(rollout_id, around(settings, known.rollout, watched)).run(wait, until)


def _telling(observe: Callable[[State], Observation], say: Say) -> Callable[[State], Observation]:
    """Say before each look where the last one has led, when that has changed."""
    said = ""

    def look(state: State) -> Observation:
        nonlocal said
        if state.looks and headline(state) != said:
            said = headline(state)
            say(f"  look {state.looks}: {said}: {state.reason}")
        return observe(state)

    return look


def _bring_up(store: Store, known: history.History, made: Machinery, settings: Settings, say: Say) -> None:
    made.open()
    if known.state.final:
        return
    try:
        made.admit()
    except FairleadError as error:
        # The controller takes it back in the ordinary way, so that record, ledger and traffic agree.
        say(f"the candidate cannot be served: {error}")
        wish = {"kind": "abort", "actor": settings.actor, "reason": f"the candidate cannot be served: {error}"}
        history.record_wish(store, known.rollout.id, wish, datetime.now(UTC))
        return
    if made.url:
        say(f"requests are taken at {made.url}")


def _free_id(store: Store, plan: Plan) -> str:
    taken = store.rollouts()
    number = len(taken) + 1
    while f"{plan.name}-{number}" in taken:
        number += 1
    return f"{plan.name}-{number}"


def _pinned(settings: Settings, uri: str) -> str:
    """Put a number in the place of an alias: aliases move, a rollout's two models do not."""
    name, _, alias = uri.removeprefix(MODELS).partition("@")
    if not uri.startswith(MODELS) or not alias:
        return uri
    return Registry(settings).version(name, alias).model_uri


def _check(made: Rollout) -> None:
    if made.stable == made.candidate:
        raise FairleadError(f"{made.candidate} is stable model and candidate at once; give another --candidate")
    registered = made.candidate.startswith(MODELS)
    if registered and parse(made.candidate)[0] != made.plan.use_case:
        raise FairleadError(f"{made.candidate} is no version of {made.plan.use_case}, which the plan is for")
    if registered and not made.plan.approval:
        raise FairleadError(
            f"plan {made.plan.name} sets approval: false, and {made.candidate} is in the registry, which promotes with "
            "an approval alone; set approval: true"
        )
    if not registered and made.plan.approval:
        raise FairleadError(
            f"{made.candidate} is not in the registry, so nobody can approve it; give models:/NAME/VERSION, or set "
            "approval: false in the plan"
        )

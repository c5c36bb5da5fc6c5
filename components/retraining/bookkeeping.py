"""Bookkeeping: what was trained so far, which challengers won and which lost and why, and who reigned when."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal, get_args

import polars as pl
from pydantic import BaseModel, ConfigDict

from components.core.ledger import Ledger
from components.core.use_case import UseCase
from components.core.watching import Window
from components.registry.approvals import PROMOTED
from components.retraining.records import Records
from components.retraining.values import Past, Run, State, Step
from components.rollout import history
from components.rollout.store import Store


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Challenge(_Value):
    """One challenger: the run that made it, and what became of it."""

    key: str
    as_of: date
    trigger: str
    window: Window
    version: str
    """Empty where it was never registered."""
    against: str
    """The version that reigned when it was decided."""
    outcome: Literal["won", "lost", "open"]
    why: str
    """How it ended, in words: the gates that stopped it, what its rollout found, or where it stands."""
    steps: tuple[Step, ...]


class Reign(_Value):
    """One version's time as champion."""

    version: str
    since: date | None
    """By the watcher's clock; None for one that no training run of the record has made."""
    until: date | None
    """None for the one that reigns, and where its successor's day is not known."""
    key: str = ""
    """Of the run that made it."""
    promoted_at: str
    """When the ledger was told, by the clock on the wall."""


class Standing(_Value):
    """Which version is what at present; empty where there is none."""

    champion: str = ""
    challenger: str = ""
    archived: str = ""
    shadow: str = ""
    """Answers copies of requests in a rollout that is not over."""


def past(
    records: Records,
    use_case: UseCase,
    rows: pl.DataFrame,
    now: date,
    champion_as_of: date | None = None,
    rollouts: Store | None = None,
) -> Past:
    """Put together what a decision depends on beside the findings.

    Args:
        records: of the training runs.
        use_case: whose.
        rows: watched rows, or a table that is trained on; see ``labels_between``.
        now: nothing later is looked at.
        champion_as_of: training date of the reigning model; None without one.
        rollouts: of this machine: one of the use case that is not over counts as running, whoever started it.
    """
    runs = records.runs(use_case.name)
    known = [run for run in runs if run.decision.as_of <= now]
    started = {run.decision.as_of for run in known if any(s.state == "started" for s in records.steps(run.key))}
    trained = tuple(sorted(started | ({champion_as_of} if champion_as_of is not None else set())))
    running = next((run.key for run in runs if not run.ended), "")
    return Past(
        trained=trained,
        new_labels=labels_between(rows, use_case.labels.maturity_months, trained[-1] if trained else None, now),
        running=running or _live(rollouts, use_case.name),
        newest=runs[-1].key if runs else "",
    )


def labels_between(rows: pl.DataFrame, maturity_months: int, since: date | None, now: date) -> int:
    """Count the labels that became known after a day, up to another one.

    A bad outcome within the maturity is a label from the day it became known; a row without one is labelled good when
    its maturity has passed, and not before somebody has told so.

    >>> table = pl.DataFrame({"event_time": [date(2000, 1, 1)] * 3, "outcome": [1, 0, None], "outcome_time":
    ...     [date(2001, 1, 1), None, None]}, schema_overrides={"outcome_time": pl.Date})
    >>> [labels_between(table, 36, None, now) for now in (date(2000, 12, 31), date(2001, 1, 1), date(2003, 1, 1))]
    [0, 1, 2]

    Args:
        rows: ``event_time``, ``outcome`` (1 bad, 0 good, null not known), ``outcome_time`` (of bad ones), and where
            outcomes are told one by one ``known_on``.
        maturity_months: time that an outcome has to show.
        since: labels known by then do not count; None counts all.
        now: nothing later counts.
    """
    matures = pl.col("event_time").cast(pl.Date).dt.offset_by(f"{maturity_months}mo")
    turned = pl.col("outcome_time").cast(pl.Date)
    bad = (pl.col("outcome") == 1) & (turned <= matures)
    told = pl.max_horizontal(matures, "known_on") if "known_on" in rows.columns else matures
    day = pl.when(bad.fill_null(value=False)).then(turned).otherwise(told)
    found = rows.lazy().filter(pl.col("outcome").is_not_null(), pl.col("event_time").cast(pl.Date) <= now)
    found = found.filter(day <= now) if since is None else found.filter(day <= now, day > since)
    count: int = found.select(pl.len()).collect().item()
    return count


def by_state(records: Records, use_case: str) -> dict[State, int]:
    """Count the runs by how far they came, states with none as 0: what the exporter shows."""
    found: dict[State, int] = dict.fromkeys(get_args(State), 0)
    for run in records.runs(use_case):
        found[run.state] += 1
    return found


def last_training(records: Records, use_case: str) -> date | None:
    """Return the training date of the newest run, None where there is none."""
    return max((run.decision.as_of for run in records.runs(use_case)), default=None)


def challenges(records: Records, use_case: str) -> list[Challenge]:
    """List all challengers that were asked for, oldest first, with what became of them and why."""
    return [_challenge(run, records.steps(run.key)) for run in records.runs(use_case)]


def reigns(records: Records, ledger: Ledger, use_case: str) -> list[Reign]:
    """List who reigned when, oldest first, by the promotions that the ledger tells of."""
    made = {run.version: run for run in records.runs(use_case) if run.version}
    promoted = [e for e in ledger.entries(PROMOTED) if e.payload["use_case"] == use_case]
    versions = [str(e.payload["version"]) for e in promoted]
    days = [_day_of_promotion(records, made.get(version)) for version in versions]
    return [
        Reign(
            version=version,
            since=days[i],
            until=days[i + 1] if i + 1 < len(days) else None,
            key=made[version].key if version in made else "",
            promoted_at=promoted[i].at,
        )
        for i, version in enumerate(versions)
    ]


def standing(aliases: Mapping[str, str], rollouts: Store, use_case: str) -> Standing:
    """Tell which version is what at present.

    Args:
        aliases: alias → version, as the registry has them.
        rollouts: of this machine.
        use_case: whose.
    """
    live = [history.read(rollouts, name) for name in _live_ones(rollouts, use_case)]
    shadows = [h.rollout.candidate for h in live if h.state.traffic.mirror == "candidate"]
    named = {name: aliases[name] for name in ("champion", "challenger", "archived") if name in aliases}
    return Standing(**named, shadow=shadows[-1].rpartition("/")[2] if shadows else "")


def _challenge(run: Run, steps: Sequence[Step]) -> Challenge:
    outcome: Literal["won", "lost", "open"] = "open" if not run.ended else "won" if run.state == "promoted" else "lost"
    said = run.reason or next((s.reason for s in reversed(steps) if s.reason), "")
    state = run.state.replace("_", " ")
    return Challenge(
        key=run.key,
        as_of=run.decision.as_of,
        trigger=run.decision.trigger,
        window=run.decision.window,
        version=run.version,
        against=run.champion,
        outcome=outcome,
        why=f"{state}: {said}" if said else state,
        steps=tuple(steps),
    )


def _day_of_promotion(records: Records, run: Run | None) -> date | None:
    if run is None:
        return None
    return next((step.day for step in records.steps(run.key) if step.state == "promoted"), None)


def _live(rollouts: Store | None, use_case: str) -> str:
    live = [] if rollouts is None else _live_ones(rollouts, use_case)
    return f"rollout {live[0]}" if live else ""


def _live_ones(rollouts: Store, use_case: str) -> list[str]:
    found = [history.read(rollouts, name) for name in rollouts.rollouts()]
    return [h.rollout.id for h in found if h.rollout.plan.use_case == use_case and not h.settled]

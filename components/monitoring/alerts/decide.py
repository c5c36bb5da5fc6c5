"""What one look changes in one alert. Pure: the same state and the same call always give the same step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from components.core.watching import Monitoring
from components.monitoring.alerts.values import LEVELS, Alert, Kind, Level, rank
from components.monitoring.values import Call


@dataclass(frozen=True)
class Step:
    """What becomes of an alert.

    Args:
        alert: its new state.
        kind: of the change; None where nothing is to be recorded.
        before: the level that the change starts from.
        tell: whether notifiers hear of it.
    """

    alert: Alert
    kind: Kind | None = None
    before: Level = "green"
    tell: bool = False


def decide(alert: Alert, call: Call | None, monitoring: Monitoring, now: date, silenced: bool) -> Step:
    """Take an alert one look further.

    A silence keeps what is new or worse from the notifiers until it is over. That something has eased or cleared they
    are told all the same, if they knew of it: somebody may have a ticket open.

    Args:
        alert: as it stood before.
        call: what the look called for; None where it looked and found nothing.
        monitoring: after how many looks in a row an alert is raised and cleared.
        now: day of the look.
        silenced: whether a silence holds for it.
    """
    found: Level = "green" if call is None else call.severity
    keep = max(monitoring.raise_after, monitoring.clear_after)
    recent = (*alert.recent, found)[-keep:]
    level = settle(alert.level, recent, monitoring)
    tell = rank(level) < rank(alert.told) or (rank(level) > rank(alert.told) and not silenced)
    changed = alert.model_copy(
        update={
            "recent": recent,
            "level": level,
            "told": level if tell else alert.told,
            "since": None if level == "green" else (alert.since or now),
            "seen": now,
            "call": call or alert.call,
        }
    )
    before = alert.told if tell else alert.level
    return Step(changed, change(before, level), before, tell)


def settle(level: Level, recent: Sequence[Level], monitoring: Monitoring) -> Level:
    """Apply hysteresis: a level is left only when enough looks in a row called for a worse, or for a better one.

    Upwards it goes to the least that all of them called for, downwards to the most; so one red look among amber ones
    makes nothing red.

    >>> slow = Monitoring(raise_after=2, clear_after=3)
    >>> settle("green", ["amber"], slow), settle("green", ["red", "amber"], slow)
    ('green', 'amber')
    >>> settle("red", ["green", "amber"], slow), settle("red", ["green", "amber", "green"], slow)
    ('red', 'amber')
    """
    ranks, here = [rank(r) for r in recent], rank(level)
    up, down = ranks[-monitoring.raise_after :], ranks[-monitoring.clear_after :]
    if len(up) == monitoring.raise_after and min(up) > here:
        return LEVELS[min(up)]
    if len(down) == monitoring.clear_after and max(down) < here:
        return LEVELS[max(down)]
    return level


def change(before: Level, after: Level) -> Kind | None:
    """Name a change of level; None where there is none.

    >>> change("green", "red"), change("amber", "red"), change("red", "amber"), change("amber", "green")
    ('raised', 'worsened', 'eased', 'cleared')
    """
    if before == after:
        return None
    if before == "green":
        return "raised"
    if after == "green":
        return "cleared"
    return "worsened" if rank(after) > rank(before) else "eased"

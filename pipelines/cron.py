"""Cron expressions as Kubeflow Pipelines reads them: six fields, seconds first, checked before anything is sent.

Kubeflow takes five fields for six with the day of the week left out, so that ``0 3 1 * *``, meant as 03:00 on the first
of each month, would run every day at 01:03. Five are therefore completed here.
"""

from calendar import monthrange
from collections.abc import Sequence

from components.core.errors import FairleadError

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
LEAP_YEAR = 2024

FIELDS: tuple[tuple[str, int, int, Sequence[str]], ...] = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day of the week", 0, 6, DAYS),
)
"""Name, smallest and largest number, and names that stand for the numbers from the smallest on."""


def six_fields(expression: str) -> str:
    """Return a cron expression in the six fields of Kubeflow Pipelines.

    Args:
        expression: five fields, as crontab has them, or six with the second before them. A field is ``*``, a number, a
            range ``a-b`` or a step ``*/n``, or several with commas; months and days of the week have names too.

    Raises:
        FairleadError: another number of fields, a field that cannot be read, or a day that never comes.

    >>> six_fields("0 3 1 * *")
    '0 0 3 1 * *'
    >>> six_fields("30 0 3 ? * mon-fri")
    '30 0 3 ? * mon-fri'
    """
    given = expression.split()
    if len(given) not in (5, 6):
        raise FairleadError(
            f"cron expression {expression!r} has {len(given)} fields; write five (minute, hour, day of the month, "
            "month, day of the week) or six, with the second before them, for example '0 3 1 * *'"
        )
    fields = given if len(given) == 6 else ["0", *given]
    values = [_values(text, *field) for text, field in zip(fields, FIELDS, strict=True)]
    days, months = values[3], values[4]
    if fields[5] in ("*", "?") and min(days) > max(monthrange(LEAP_YEAR, month)[1] for month in months):
        raise FairleadError(f"cron expression {expression!r} never comes: no such month has day {min(days)}")
    return " ".join(fields)


def _values(text: str, name: str, lowest: int, highest: int, names: Sequence[str]) -> set[int]:
    """List the numbers that one field stands for."""
    found: set[int] = set()
    for item in text.lower().split(","):
        span, slash, step = item.partition("/")
        first, dash, last = span.partition("-")
        try:
            if span in ("*", "?"):
                start, end = lowest, highest
            else:
                start = _number(first, lowest, names)
                end = _number(last, lowest, names) if dash else highest if slash else start
            stride = int(step) if slash else 1
        except ValueError as error:
            raise _wrong(name, text, lowest, highest, names) from error
        if not (lowest <= start <= end <= highest and stride > 0):
            raise _wrong(name, text, lowest, highest, names)
        found.update(range(start, end + 1, stride))
    return found


def _number(text: str, lowest: int, names: Sequence[str]) -> int:
    if text in names:
        return names.index(text) + lowest
    if not text.isdecimal():
        raise ValueError(text)
    return int(text)


def _wrong(name: str, text: str, lowest: int, highest: int, names: Sequence[str]) -> FairleadError:
    named = f" or {names[0]} to {names[-1]}" if names else ""
    return FairleadError(
        f"cron expression: {text!r} is no {name}; allowed: {lowest} to {highest}{named}, ranges a-b, steps */n and *; "
        "several with commas"
    )

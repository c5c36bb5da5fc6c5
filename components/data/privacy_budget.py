"""The privacy budget of a table: what it may lose in all, what was spent of it, and no way to overspend it."""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from components.core.artifacts import one_at_a_time, write_whole
from components.core.errors import FairleadError


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Spending(_Value):
    """What one report lost."""

    epsilon: float = Field(gt=0)
    delta: float = Field(default=0.0, ge=0, lt=1)
    what: str
    """In words."""


class Budget(_Value):
    """What may be told of one table, ever.

    What reports lose adds up, whatever the later ones ask because of the earlier ones: basic composition (Dwork,
    Kenthapadi, McSherry, Mironov and Naor, "Our data, ourselves", 2006).
    """

    table: str
    """sha256 of the table's bytes."""
    epsilon: float = Field(gt=0)
    delta: float = Field(default=0.0, ge=0, lt=1)
    spent: tuple[Spending, ...] = ()

    @property
    def left(self) -> tuple[float, float]:
        """Epsilon and delta that are not spent."""
        epsilon = _exact(self.epsilon) - _total(s.epsilon for s in self.spent)
        delta = _exact(self.delta) - _total(s.delta for s in self.spent)
        return float(epsilon), float(delta)

    def spend(self, spending: Spending) -> "Budget":
        """Return the budget after a report.

        Raises:
            FairleadError: it would lose more than is left.

        >>> Budget(table="00", epsilon=1.0).spend(Spending(epsilon=0.4, what="a report")).left[0]
        0.6
        """
        after = (*self.spent, spending)
        epsilon, delta = _total(s.epsilon for s in after), _total(s.delta for s in after)
        if epsilon > _exact(self.epsilon) or delta > _exact(self.delta):
            left = "epsilon {:.6g}, delta {:.3g}".format(*self.left)
            raise FairleadError(
                f"{spending.what} would spend epsilon {spending.epsilon:g}, delta {spending.delta:g} of table "
                f"{self.table[:12]}…; left of epsilon {self.epsilon:g}, delta {self.delta:g}: {left}. Ask for less; "
                "what was told cannot be taken back, so a budget is not filled up again"
            )
        return self.model_copy(update={"spent": after})


def _exact(number: float) -> Decimal:
    """Take a number as it is written, so that ten times 0.1 is 1."""
    return Decimal(repr(number))


def _total(numbers: Iterable[float]) -> Decimal:
    return sum((_exact(number) for number in numbers), Decimal(0))


def spend_from(path: Path, opening: Budget, spending: Spending) -> Budget:
    """Take a spending from the budget in a file, before anything is told; the file is made by the first one.

    Args:
        path: JSON file of one table's budget.
        opening: the budget that the file begins with.
        spending: what the report will lose.

    Returns:
        The budget after it, as it stands in the file.

    Raises:
        FairleadError: too little is left, or the file has another table or another total.
    """
    with one_at_a_time(path.with_suffix(".lock")):  # or two reports would both see the same rest
        budget = _read(path) if path.is_file() else opening
        if budget.table != opening.table:
            raise FairleadError(f"{path.name} is the budget of table {budget.table[:12]}…, not {opening.table[:12]}…")
        if (budget.epsilon, budget.delta) != (opening.epsilon, opening.delta):
            raise FairleadError(
                f"the budget of table {budget.table[:12]}… was set to epsilon {budget.epsilon:g}, delta "
                f"{budget.delta:g}; found epsilon {opening.epsilon:g}, delta {opening.delta:g}. A total is set once: "
                "leave it out, or give the same"
            )
        after = budget.spend(spending)
        write_whole(path, (after.model_dump_json(indent=1) + "\n").encode())
    return after


def read_budget(path: Path) -> Budget | None:
    """Read the budget in a file; None where there is no file.

    Raises:
        FairleadError: it is no budget.
    """
    return _read(path) if path.is_file() else None


def _read(path: Path) -> Budget:
    try:
        return Budget.model_validate_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FairleadError(f"{path} is no privacy budget: {error}. What was spent is not known; restore it") from error

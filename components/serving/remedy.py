"""What is to be done with odd rows: from a row's values, and its outlier score, to a remedy by rule. It decides alone.

A row is odd where it has a value that none of the training rows had (``out_of_range``, ``new_category``), lacks one
that all of them had (``missing``), or is far from them as a whole (``outlier``). ``components.serving.ordinary`` knows
what they had, and what of it cannot be told.

The first rule that fits a row counts; so write the severest first. An odd row that no rule fits is passed and flagged.
Where the remedy is ``impute_and_flag``, each odd value whose own first rule says so is replaced by what is typical of
training: the median of numbers and days, the most frequent category.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Field, FloatArray
from components.core.watching import Remedy, RemedyRule, require_inputs
from components.serving.ordinary import Array, BoolArray, Ordinary, When
from components.serving.quick import NAT
from components.training.v2_request import column, json_values

Check = tuple[str, float, float, bool]
"""Input, lowest and highest ordinary value, and whether it may be missing."""


@dataclass(frozen=True)
class Found:
    """One way in which some of n rows are odd.

    Args:
        when: which way.
        column: the input; None of an outlier.
        rows: shape (n,).
        rule: number of the first rule about it, None without one; of an outlier that of each row differs by its score.
    """

    when: When
    column: str | None
    rows: BoolArray
    rule: int | None = None

    def __str__(self) -> str:
        return self.when if self.column is None else f"{self.when} {self.column}"


@dataclass(frozen=True)
class Note:
    """What was done with one odd row that was scored.

    Args:
        remedy: what was done.
        when: the oddity that decided it.
        odd: all its oddities, ``out_of_range GrAppv``.
        replaced: the values found, as JSON values, by the input in which they were replaced.
    """

    remedy: Remedy
    when: When
    odd: tuple[str, ...]
    replaced: Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """What is to be done with n rows.

    Args:
        remedy: shape (n,), a ``Remedy``, or None of a row with nothing odd.
        rule: shape (n,), number of the rule that decides, from 0; -1 without one.
        found: what is odd.
    """

    remedy: Array
    rule: npt.NDArray[np.int64]
    found: tuple[Found, ...]

    def rows(self, *remedies: Remedy) -> list[int]:
        """Return the rows that have one of these remedies."""
        return [i for i, remedy in enumerate(self.remedy.tolist()) if remedy in remedies]

    def of(self, row: int) -> list[Found]:
        """Return what is odd about a row, that which decides first."""
        found = [f for f in self.found if f.rows[row]]
        decides = self.rule[row]
        return sorted(found, key=lambda f: not (f.rule == decides or (f.rule is None and f.column is None)))


class Judge:
    """Rules, beside what is ordinary; keeps nothing between calls, so that any number of threads may use it.

    >>> amount = Ordinary(Field(name="amount", kind="float"), low=1.0, high=100.0, typical=50.0)
    >>> judge = Judge([amount], [RemedyRule(when="out_of_range", column="amount", remedy="impute_and_flag")])
    >>> rows = {"amount": np.array([3.0, 1e6])}
    >>> judged = judge.judge(rows)
    >>> judged.remedy.tolist(), judge.filled(rows, judged)["amount"].tolist()
    ([None, 'impute_and_flag'], [3.0, 50.0])

    Args:
        ordinary: of each input.
        rules: the first that fits counts.
        threshold: from which score on the bundle's detector calls a row an outlier; None without a detector.

    Raises:
        FairleadError: a rule is about an input that is not there, or of another kind.
    """

    def __init__(
        self, ordinary: Sequence[Ordinary], rules: Sequence[RemedyRule], threshold: float | None = None
    ) -> None:
        require_inputs(rules, [o.field for o in ordinary])
        named = {rule.column for rule in rules if rule.when == "out_of_range"}
        ordinary = [o.open_above() if o.grows and o.field.name not in named else o for o in ordinary]
        self.rules = tuple(rules)
        self.threshold = threshold
        self._ordinary = {o.field.name: o for o in ordinary}
        # For single rows. NaN is within no bounds, and neither is the number that stands for no day.
        bounds = [(o.field.name, o.low, o.high, not o.always, o.field.kind) for o in ordinary]
        self._numbers: list[Check] = [(n, lo, hi, miss) for n, lo, hi, miss, kind in bounds if kind in ("int", "float")]
        self._days: list[Check] = [(n, lo, hi, miss) for n, lo, hi, miss, kind in bounds if kind == "date"]
        texts = [o for o in ordinary if o.field.kind == "category"]
        self._texts = [
            (o.field.name, frozenset({*o.known, *([] if o.always else [None])})) for o in texts if o.known is not None
        ]
        self._given = [o.field.name for o in texts if o.known is None and o.always]

    def plain(self, row: Mapping[str, Any]) -> bool:
        """Say whether a row has no odd value, as ``judge`` does; quickly, and without a word on which.

        Args:
            row: a checked row as ``quick.Row``: numbers, days since 1970, text.
        """
        for name, low, high, may_miss in self._numbers:
            value = row[name]
            if not low <= value <= high and not (may_miss and value != value):
                return False
        for name, low, high, may_miss in self._days:
            value = row[name]
            if not low <= value <= high and not (may_miss and value == NAT):
                return False
        for name, known in self._texts:
            if row[name] not in known:
                return False
        return all(row[name] is not None for name in self._given) if self._given else True

    def judge(self, columns: Columns, scores: FloatArray | None = None) -> Judged:
        """Decide on n rows.

        Args:
            columns: the inputs, n rows.
            scores: the detector's, shape (n,); None without a detector.
        """
        n = len(next(iter(columns.values())))
        found = list(self._found(columns))
        if scores is not None and self.threshold is not None:
            rows: BoolArray = scores > self.threshold
            if rows.any():
                found.append(Found("outlier", None, rows))
        remedy = np.full(n, None, dtype=object)
        decided_by = np.full(n, -1, dtype=np.int64)
        odd = np.zeros(n, dtype=bool)
        for i, rule in enumerate(self.rules):
            fits = np.zeros(n, dtype=bool)
            for f in found:
                if _about(rule, f.when, f.column):
                    fits |= f.rows if scores is None or rule.above == 1.0 else scores > rule.above * self._known_limit
            new = fits & (decided_by < 0)
            remedy[new], decided_by[new] = rule.remedy, i
        for f in found:
            odd |= f.rows
        remedy[odd & (decided_by < 0)] = "pass_and_flag"
        return Judged(remedy, decided_by, tuple(found))

    def filled(self, columns: Columns, judged: Judged) -> Columns:
        """Return the rows with typical values in the place of those that are to be replaced."""
        changed = dict(columns)
        for f, rows in self._replaced(judged):
            values = changed[f].copy()
            values[rows] = column([self._ordinary[f].typical], self._ordinary[f].field)[0]
            changed[f] = values
        return changed

    def note(self, columns: Columns, judged: Judged, row: int) -> Note | None:
        """Say what is done with a row that is scored; None where nothing is odd about it.

        Args:
            columns: the rows as they came.
            judged: the decision on them.
            row: which.
        """
        remedy = judged.remedy[row]
        if remedy is None:
            return None
        found = judged.of(row)
        replaced = {}
        for name, rows in self._replaced(judged):
            if rows[row]:
                replaced[name] = _value(columns[name], row, self._ordinary[name].field)
        return Note(remedy, found[0].when, tuple(map(str, found)), replaced)

    def reason(self, columns: Columns, scores: FloatArray | None, judged: Judged, row: int) -> list[dict[str, Any]]:
        """Say what is odd about a row, that which decides first: ``when``, ``column``, ``found``, ``allowed``.

        Args:
            columns: the rows as they came.
            scores: the detector's.
            judged: the decision on them.
            row: which.
        """
        told: list[dict[str, Any]] = []
        for f in judged.of(row):
            if f.column is None:
                assert scores is not None  # or there would be no outlier
                by = judged.rule[row]
                limit = self._known_limit * (self.rules[by].above if by >= 0 else 1.0)
                allowed = f"a score up to {limit:.4g}"
                told.append({"when": f.when, "column": None, "found": float(scores[row]), "allowed": allowed})
                continue
            ordinary = self._ordinary[f.column]
            value = _value(columns[f.column], row, ordinary.field)
            allowed = "any value" if f.when == "missing" else ordinary.allowed
            told.append({"when": f.when, "column": f.column, "found": value, "allowed": allowed})
        return told

    def blind(self) -> list[str]:
        """List the rules that can fit no row, each with the cause."""
        return [f"{rule}: {why}" for rule in self.rules if (why := self._blind(rule))]

    def _blind(self, rule: RemedyRule) -> str:
        if rule.when == "outlier":
            return "" if self.threshold is not None else "the bundle has no detector; too few rows were known"
        about = [o for o in self._ordinary.values() if rule.column in (None, o.field.name)]
        if rule.when == "missing" and not any(o.always for o in about):
            return "there were training rows without one as well"
        if rule.when == "new_category" and all(o.known is None for o in about):
            return "training had more values than the reference keeps, so that none can be called new"
        return ""

    def _found(self, columns: Columns) -> Iterator[Found]:
        for name, ordinary in self._ordinary.items():
            for when, rows in ordinary.odd(columns[name]):
                if rows.any():
                    first = (i for i, rule in enumerate(self.rules) if _about(rule, when, name))
                    yield Found(when, name, rows, next(first, None))

    def _replaced(self, judged: Judged) -> Iterator[tuple[str, BoolArray]]:
        """Name the inputs in which values are replaced, and the rows, shape (n,)."""
        imputed: BoolArray = judged.remedy == "impute_and_flag"
        for f in judged.found:
            if f.column is not None and f.rule is not None and self.rules[f.rule].remedy == "impute_and_flag":
                yield f.column, f.rows & imputed

    @property
    def _known_limit(self) -> float:
        assert self.threshold is not None  # asked for where there are scores
        return self.threshold


def _about(rule: RemedyRule, when: When, name: str | None) -> bool:
    return rule.when == when and rule.column in (None, name)


def _value(values: Array, row: int, field: Field) -> Any:
    return json_values(values[row : row + 1], field)[0]

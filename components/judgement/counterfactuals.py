"""Counterfactuals: the fewest and smallest changes to a row's inputs under which it is decided otherwise.

A search over values that background rows have: one input at a time, then two, then all that may be acted on as in the
nearest rows of the other decision, made sparse by taking changes back one by one. It asks a model for scores and for
nothing else. The fewest changes win, then the smallest, told as the share of background rows between old and new.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Field
from components.core.explaining import Actionable
from components.judgement.codes import given
from components.judgement.explanation import Change, Counterfactual, Decides
from components.judgement.row_rules import RowRules
from components.training.v2_request import json_values

LEVELS = 24
"""Most values tried of one input by itself."""
PAIRS = 4000
"""Most rows tried with two inputs changed."""
PRUNED = 3
"""So many of the nearest rows of the other decision are made sparse."""
STEPS = 16
"""Steps between an input's old and new value in which the change is made smaller."""

Proposal = Mapping[str, Any]
"""Changed inputs by name, with their new values."""


def search(
    model: Decides,
    row: Columns,
    background: Columns,
    fields: Sequence[Field],
    actionable: Sequence[Actionable],
    rules: RowRules,
    groups: Iterable[Sequence[str]] = (),
    name: str = "",
    *,
    samples: int = 2 * PAIRS,
    anyway: bool = True,
) -> Counterfactual:
    """Look for a counterfactual of one row.

    Args:
        model: scores rows.
        row: all inputs, one row.
        background: all inputs, rows to take values from.
        fields: the inputs.
        actionable: which may be acted on, and which way.
        rules: what rows must keep.
        groups: inputs that change together or not at all where what is found cannot be acted on: an entity's key with
            its history.
        name: names the row.
        samples: most rows scored; half of them at most with two inputs changed.
        anyway: False to look for none that cannot be acted on.

    Returns:
        One that can be acted on, else one that cannot, else that none was found.
    """
    return _Search(model, row, background, fields, rules, samples).run(actionable, groups if anyway else None, name)


class _Search:
    def __init__(
        self,
        model: Decides,
        row: Columns,
        background: Columns,
        fields: Sequence[Field],
        rules: RowRules,
        most: int,
    ) -> None:
        self._model, self._row, self._background, self._rules = model, row, background, rules
        self._fields = {f.name: f for f in fields}
        self._probability = model.probability(row)
        self._decision = int(model.decide(self._probability)[0])
        self._samples, self._most = 1, most

    def run(
        self, actionable: Sequence[Actionable], groups: Iterable[Sequence[str]] | None, name: str
    ) -> Counterfactual:
        found = self._feasible(actionable)
        feasible = found is not None
        if found is None and groups is not None:
            found = self._nearest(list(self._fields), (), groups)
        new = None if found is None else self._model.probability(self._rows([found]))
        changed = found or {}
        return Counterfactual(
            row=name,
            probability=float(self._probability[0]),
            decision=self._decision,
            found=found is not None,
            feasible=feasible,
            changes=tuple(self._change(key, value) for key, value in changed.items()),
            number_of_changes=len(changed),
            new_probability=None if new is None else float(new[0]),
            new_decision=None if new is None else int(self._model.decide(new)[0]),
            samples=self._samples,
        )

    def _feasible(self, actionable: Sequence[Actionable]) -> Proposal | None:
        levels = {a.column: self._levels(a, LEVELS) for a in actionable}
        best = self._best({name: value} for name, values in levels.items() for value in values)
        if best is None and len(actionable) > 1:
            pairs = list(combinations(actionable, 2))
            most = max(2, int((min(PAIRS, self._most / 2) / len(pairs)) ** 0.5))
            fewer = {a.column: self._levels(a, most) for a in actionable}
            best = self._best(
                {a.column: x, b.column: y} for a, b in pairs for x, y in product(fewer[a.column], fewer[b.column])
            )
        if best is None:
            best = self._nearest([a.column for a in actionable], actionable, ())
        return None if best is None else self._smaller(best)

    def _nearest(
        self, names: Sequence[str], actionable: Sequence[Actionable], groups: Iterable[Sequence[str]]
    ) -> Proposal | None:
        """Take inputs over from background rows, and take back what is not needed for the other decision."""
        may = {a.column: self._may(a) for a in actionable}
        proposals = []
        for i in range(len(self._background[names[0]]) if names else 0):
            taken = {name: self._background[name][i] for name in names if name not in may or may[name][i]}
            proposals.append({k: v for k, v in taken.items() if not _same(v, self._row[k][0])})
        flipped = sorted(self._flipping(proposals), key=self._size)[:PRUNED]
        together = [tuple(group) for group in groups]
        return min((self._sparse(p, together) for p in flipped), key=self._rank, default=None)

    def _sparse(self, proposal: Proposal, groups: Sequence[tuple[str, ...]]) -> Proposal:
        grouped = {name for group in groups for name in group}
        parts = [*groups, *((name,) for name in proposal if name not in grouped)]
        while True:
            fewer = [{k: v for k, v in proposal.items() if k not in part} for part in parts]
            best = self._best(p for p in fewer if 0 < len(p) < len(proposal))
            if best is None:
                return proposal
            proposal = best

    def _smaller(self, proposal: Proposal) -> Proposal:
        """Bring each changed number nearer to its old value, as long as the decision stays the other one."""
        for name, value in proposal.items():
            field, old = self._fields[name], self._row[name]
            if field.kind == "category" or _missing(old[0]):
                continue
            nearer = [{**proposal, name: v} for v in _between(old[0], value, field)]
            proposal = self._best(nearer) or proposal
        return proposal

    def _levels(self, actionable: Actionable, most: int) -> list[Any]:
        values = np.unique(self._background[actionable.column][self._may(actionable)])
        if len(values) > most:
            values = values[np.linspace(0, len(values) - 1, most).astype(int)]
        return [v for v in values if not _same(v, self._row[actionable.column][0])]

    def _may(self, actionable: Actionable) -> npt.NDArray[np.bool_]:
        """Tell which background rows have a value that the input may be changed to; never a gap."""
        values, old = self._background[actionable.column], self._row[actionable.column]
        allowed = given(values)
        if actionable.values:
            allowed &= np.array([v in actionable.values for v in values])
        if actionable.direction != "any":
            # Which way lies a value from one that is missing? Nobody knows: none is allowed.
            allowed &= (values > old[0]) if actionable.direction == "increase" else (values < old[0])
        return allowed

    def _best(self, proposals: Iterable[Proposal]) -> Proposal | None:
        return min(self._flipping(list(proposals)), key=self._rank, default=None)

    def _flipping(self, proposals: Sequence[Proposal]) -> list[Proposal]:
        if not proposals:
            return []
        rows = self._rows(proposals)
        kept = np.flatnonzero(self._rules.kept(rows))[: self._most - self._samples]
        if not len(kept):
            return []
        self._samples += len(kept)
        decided = self._model.decide(self._model.probability({name: values[kept] for name, values in rows.items()}))
        return [proposals[i] for i in kept[decided != self._decision]]

    def _rows(self, proposals: Sequence[Proposal]) -> Columns:
        rows = {name: np.repeat(values, len(proposals)) for name, values in self._row.items()}
        for i, proposal in enumerate(proposals):
            for name, value in proposal.items():
                rows[name][i] = value
        return rows

    def _rank(self, proposal: Proposal) -> tuple[int, float]:
        return len(proposal), self._size(proposal)

    def _size(self, proposal: Proposal) -> float:
        return sum(self._distance(name, value) for name, value in proposal.items())

    def _distance(self, name: str, value: Any) -> float:
        old = self._row[name][0]
        if self._fields[name].kind == "category" or _missing(old) or _missing(value):
            return 1.0
        known = _numbers(self._background[name][given(self._background[name])])
        low, high = sorted(_numbers(np.array([old, value], self._row[name].dtype)))
        between = float(np.mean((known > low) & (known < high))) if len(known) else 0.0
        # The tiny second term tells values apart that have no background row between them.
        return between + 1e-3 * float(high - low) / (float(np.ptp(known)) + 1 if len(known) else 1)

    def _change(self, name: str, value: Any) -> Change:
        field, old = self._fields[name], self._row[name]
        return Change(
            input=name, old=json_values(old, field)[0], new=json_values(np.array([value], old.dtype), field)[0]
        )


def _same(a: Any, b: Any) -> bool:
    return bool(a == b) or (_missing(a) and _missing(b))


def _missing(value: Any) -> bool:
    return value is None or bool(value != value)  # NaN and NaT are not even equal to themselves


def _numbers(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Turn numbers, or dates as days, into float64."""
    return (values.astype("datetime64[D]").astype(np.int64) if values.dtype.kind == "M" else values).astype(np.float64)


def _between(old: Any, new: Any, field: Field) -> list[Any]:
    """List values between two, none of the two, as a person would write them: whole, or with three digits."""
    if field.kind == "date":
        start, days = old.astype("datetime64[D]"), int((new - old) / np.timedelta64(1, "D"))
        return [start + np.timedelta64(d, "D") for d in {round(days * k / STEPS) for k in range(1, STEPS)} - {0, days}]
    steps = [old + (new - old) * k / STEPS for k in range(1, STEPS)]
    written = {float(round(v)) if field.kind == "int" else float(f"{v:.3g}") for v in steps}
    return [v for v in sorted(written) if min(old, new) < v < max(old, new)]

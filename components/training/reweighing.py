"""Reweighing: weights under which the outcomes of the training rows hang together with no protected attribute."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray
from components.core.errors import FairleadError
from components.core.judging import Attribute
from components.core.use_case import UseCase


def weights(
    groups: "npt.NDArray[Any] | Sequence[object]", labels: FloatArray, counts: FloatArray, strength: float = 1.0
) -> FloatArray:
    """Weigh each row by how much rarer its group and outcome are together than they would be apart.

    A row of group g with outcome y gets P(g) P(y) / P(g, y): under these weights every group has the same share of bad
    outcomes, and groups and outcomes keep their own shares. F. Kamiran and T. Calders, "Data preprocessing techniques
    for classification without discrimination", Knowledge and Information Systems 33 (2012), section 4.3.2; computed by
    aif360, for any number of groups.

    >>> found = weights(["a", "a", "a", "b", "b"], np.array([0.0, 0.0, 1.0, 1.0, 0.0]), np.ones(5))
    >>> found.round(3).tolist()
    [0.9, 0.9, 1.2, 0.8, 1.2]

    Args:
        groups: each row's group, shape (n,), any values that can be compared.
        labels: shape (n,), 1 bad, 0 good.
        counts: shape (n,), how many rows each stands for; not negative.
        strength: exponent on the factor: 0 leaves the counts as they are, 1 evens the outcomes out, in between part of
            it, above 1 more than that. The sum of the weights stays that of the counts.

    Raises:
        FairleadError: lengths differ, or there are less than two groups or outcomes.
    """
    # Text, so that groups of any kind sort; a row's weight does not depend on the order.
    groups = np.asarray([str(g) for g in groups])
    if not len(groups) == len(labels) == len(counts):
        raise FairleadError(
            f"reweighing needs as many groups as rows; found {len(groups)} groups, {len(labels)} labels and "
            f"{len(counts)} counts"
        )
    for what, values in (("group", groups), ("outcome", labels)):
        found = np.unique(values)
        if len(found) < 2:
            raise FairleadError(
                f"reweighing needs at least two {what}s in the training rows; found: "
                f"{', '.join(map(str, found)) or 'none'}. Train without it, or group by another attribute"
            )
    factor = np.ones(len(counts))
    counted = counts > 0
    factor[counted] = _aif360(groups[counted], labels[counted], counts[counted]) / counts[counted]
    scaled: FloatArray = counts * factor**strength
    scaled *= counts.sum() / scaled.sum()
    return scaled


def reweighed(
    counts: FloatArray, protected: "npt.NDArray[Any] | None", labels: FloatArray, use_case: UseCase
) -> FloatArray:
    """Reweigh rows as the use case says; without ``training.mitigation`` the counts come back as they are.

    Args:
        counts: shape (n,), how many rows each stands for.
        protected: shape (n,), values of the attribute's column.
        labels: shape (n,), 1 bad, 0 good.
        use_case: says by which attribute; its groups are those of ``judgement.fairness``, where it stands there too.

    Raises:
        FairleadError: there are less than two groups or outcomes.
    """
    mitigation = use_case.training.mitigation
    if mitigation is None or protected is None:
        return counts
    known = {a.column: a for a in use_case.judgement.fairness.attributes}
    attribute = known.get(mitigation.attribute, Attribute(column=mitigation.attribute))
    return weights(group_names(protected, attribute), labels, counts, mitigation.strength)


def group_names(values: "npt.NDArray[Any]", attribute: Attribute) -> "npt.NDArray[np.str_]":
    """Name the group of each value of a column, by the attribute's groups or cuts; else each value is its own.

    >>> group_names(np.array([29.0, 30.0, np.nan]), Attribute(column="age", cuts=(30,))).tolist()
    ['from -inf', 'from 30', 'missing']

    Args:
        values: shape (n,): text or numbers; None and NaN are missing, a group of their own.
        attribute: cuts need numbers.
    """
    if attribute.cuts:
        numbers = values.astype(np.float64)
        edges = np.array([-np.inf, *attribute.cuts])
        names = np.array([f"from {edge:g}" for edge in edges])[np.digitize(np.nan_to_num(numbers), attribute.cuts)]
        return np.where(np.isnan(numbers), "missing", names)
    named = {value: name for name, members in attribute.groups.items() for value in members}
    return np.array([_name(value, named) for value in values.tolist()], dtype=np.str_)


def _name(value: object, named: dict[str, str]) -> str:
    if value is None or value != value:
        return "missing"
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return named.get(text, "unlisted") if named else text


def _aif360(groups: "npt.NDArray[np.str_]", labels: FloatArray, counts: FloatArray) -> FloatArray:
    import pandas as pd

    with quietly():
        from aif360.sklearn.preprocessing import Reweighing
    rows = pd.DataFrame(index=pd.Index(groups, name="group"))
    found: FloatArray = Reweighing("group").fit_transform(rows, labels, sample_weight=counts)[1]
    return found


@contextmanager
def quietly() -> Iterator[None]:
    """Keep from users what aif360 says on the root logger as it is imported: that rpy2 and torch are not there.

    They belong to methods that are not used here. Its words would also set up a handler on the root logger.
    """
    root, nothing = logging.getLogger(), logging.NullHandler()

    def drop(record: logging.LogRecord) -> bool:
        said = record.getMessage()
        return not (said.startswith("No module named") or "will be unavailable" in said)

    root.addHandler(nothing)
    root.addFilter(drop)
    try:
        yield
    finally:
        root.removeFilter(drop)
        root.removeHandler(nothing)

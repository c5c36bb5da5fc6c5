import numpy as np
import pytest

from components.core.contracts import Columns
from components.core.errors import IntegrityError
from components.judgement.explanations.contributions import Explainable, contributions
from components.training.bundle import Bundle
from components.training.scorer import TOLERANCE


def test_they_add_up_to_the_calibrated_log_odds(either: Bundle, rows: Columns) -> None:
    """Efficiency: the axiom that gives Shapley values their meaning, held on what is served."""
    found = contributions(either, rows)
    assert found.contributions.shape == found.values.shape == (120, len(either.contract.features))
    assert np.array_equal(found.probability, either.probability(rows))
    assert np.abs(1 / (1 + np.exp(-found.log_odds)) - found.probability).max() <= TOLERANCE
    assert np.abs(found.contributions).max() > 0.1


def test_rows_are_explained_alike_alone_and_among_others(trees: Bundle, rows: Columns) -> None:
    together = contributions(trees, rows)
    alone = contributions(trees, {name: values[7:8] for name, values in rows.items()})
    assert np.array_equal(alone.contributions[0], together.contributions[7])


def test_any_number_of_threads_gives_the_same_values(trees: Bundle, rows: Columns) -> None:
    assert np.array_equal(contributions(trees, rows, threads=2).contributions, contributions(trees, rows).contributions)


def test_the_largest_are_those_farthest_from_nothing(trees: Bundle, rows: Columns) -> None:
    found = contributions(trees, rows)
    for row in range(5):
        sizes = np.abs(found.contributions[row])
        assert sizes[found.largest(row, 4)].tolist() == sorted(sizes, reverse=True)[:4]


def test_what_does_not_add_up_is_refused(trees: Bundle) -> None:
    opened = Explainable.open(trees)
    with pytest.raises(IntegrityError, match="differs from its scores"):
        Explainable(trees, opened.method, lambda matrix: opened.margin(matrix) + 0.01).require_sum()

import numpy as np
import pytest

from components.core.use_case import Column
from components.data.synthetic.cells import Cells, of_number
from components.data.synthetic.coding import Coding
from components.data.synthetic.tree import grow

SIZES = {"day": 2, "bad": 2, "a": 3, "b": 2, "c": 4}
TREE = [("a", "b"), ("c", "a")]


def _coding(outcome_time: str = "none") -> Coding:
    cells = {n: of_number(Column(kind="int", minimum=0, maximum=s - 1)) for n, s in SIZES.items()}
    cells["c"] = Cells(np.arange(4.0), nullable=True)
    return Coding(cells, "day", "bad", outcome_time, ())


@pytest.fixture
def potentials():
    rng = np.random.default_rng(0)
    names = [("bad", "a", "b"), ("bad", "c", "a"), *(("day", "bad", c) for c in "abc")]
    return {n: rng.normal(0, 1, [SIZES[c] for c in n]) for n in names}


def _joint(potentials):
    """Multiply everything out, axes (day, bad, a, b, c)."""
    logs = np.einsum("yab->yab", potentials["bad", "a", "b"])[None, :, :, :, None]
    logs = logs + potentials["bad", "c", "a"].transpose(0, 2, 1)[None, :, :, None, :]
    logs = logs + potentials["day", "bad", "a"][:, :, :, None, None]
    logs = logs + potentials["day", "bad", "b"][:, :, None, :, None]
    logs = logs + potentials["day", "bad", "c"][:, :, None, None, :]
    joint = np.exp(logs)
    return joint / joint.sum()


def test_the_branches_multiply_out_to_the_joint_distribution(potentials):
    branches, share = grow(potentials, SIZES, _coding(), TREE)
    tables = {(b.parent, b.column): b.table for b in branches}
    assert set(tables) == {(None, "a"), ("a", "b"), ("a", "c")}
    made = share[:, :, None, None, None] * tables[None, "a"][:, :, 0, :, None, None]
    made = made * tables["a", "b"][:, :, :, :, None] * tables["a", "c"][:, :, :, None, :]
    assert made == pytest.approx(_joint(potentials))


def test_parents_come_first(potentials):
    branches, _ = grow(potentials, SIZES, _coding(), TREE)
    names = [b.column for b in branches]
    assert all(b.parent is None or names.index(b.parent) < names.index(b.column) for b in branches)


def test_a_bad_row_has_a_time_and_a_good_one_none_whatever_the_counts_say(potentials):
    branches, _ = grow(potentials, SIZES, _coding("c"), TREE)
    table = next(b.table for b in branches if b.column == "c")
    assert table[:, 0, :, -1] == pytest.approx(1.0)
    assert table[:, 1, :, -1] == pytest.approx(0.0)

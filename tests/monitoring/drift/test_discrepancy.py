import ast
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components.monitoring.drift import discrepancy
from components.monitoring.drift.apart import Discrepancy, measure_apart
from components.monitoring.drift.embedding import gaussian_kernel, unbiased_mmd2
from components.monitoring.drift.matrix import matrices, standardised
from tests.environments import ROOT

RNG = np.random.default_rng(21)
KINDS = {"x": "float", "y": "float", "c": "category"}


def rows(n: int, shift: float) -> pl.DataFrame:
    x, y = RNG.normal(shift, 1, size=(2, n))
    return pl.DataFrame({"x": x, "y": y, "c": RNG.choice(["a", "b"], n)})


@pytest.fixture(scope="module")
def sides() -> tuple[pl.DataFrame, pl.DataFrame]:
    return rows(150, 0.0), rows(100, 1.0)


@pytest.fixture(scope="module")
def found(sides: tuple[pl.DataFrame, pl.DataFrame]) -> Discrepancy:
    """What alibi-detect says; one process in its environment, for TensorFlow takes seconds to import."""
    python = ROOT / ".fairlead" / "envs" / "drift" / "bin" / "python"
    if not python.exists():
        pytest.skip("the environment 'drift' was not made: `make test` makes it")
    return measure_apart(*sides, KINDS, python, permutations=200)


def test_alibi_detect_and_our_own_estimate_agree(found: Discrepancy, sides: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    reference, current = standardised(*matrices(*sides, KINDS, seed=7)[:2])
    kernel = gaussian_kernel(np.concatenate([reference, current]))
    ours = unbiased_mmd2(kernel, np.repeat([1.0, 0.0], [150, 100])[:, None])[0]
    assert found.mmd2 == pytest.approx(ours, abs=1e-5)


def test_what_moved_is_beyond_chance(found: Discrepancy) -> None:
    assert found.p_value == 1 / 201  # none of 200 permutations gives as much
    assert (found.reference_rows, found.current_rows) == (150, 100)


@pytest.mark.parametrize(("reference", "current"), [(0, 0), (150, 0), (1, 100)])
def test_where_there_is_nothing_to_compare_nothing_is_measured(reference: int, current: int, tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", reference=np.zeros((reference, 2)), current=np.zeros((current, 2)))
    discrepancy.measure(tmp_path / "rows.npz", tmp_path / "found.json")
    assert (tmp_path / "found.json").read_text() == "{}\n"


def test_it_imports_nothing_that_its_environment_lacks() -> None:
    source = Path(discrepancy.__file__).read_text(encoding="utf-8")
    modules = {
        name
        for node in ast.walk(ast.parse(source))
        for name in (
            [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not any(name.startswith(("components", "pipelines", "polars", "pydantic")) for name in modules)

import polars as pl
import pytest
from scipy.stats import binom

from components.core.watching import Drift
from pipelines.benchmarks.false_alarms import SEED, SMALL, Sizes, bench, false_alarms, year_of_loans

DRAWS = 40
PROMISED = 0.05


@pytest.fixture(scope="module")
def loans() -> tuple[pl.DataFrame, dict]:
    return year_of_loans()


def test_sixty_features_of_real_loans(loans: tuple[pl.DataFrame, dict]) -> None:
    rows, kinds = loans
    assert rows.height > 5_000
    assert set(rows.columns) == set(kinds)
    assert len(kinds) == 60
    assert {kind: list(kinds.values()).count(kind) for kind in ("float", "category", "date")} == {
        "float": 37,
        "category": 21,
        "date": 2,
    }


def test_halves_of_a_year_are_called_different_as_seldom_as_promised(loans: tuple[pl.DataFrame, dict]) -> None:
    found = false_alarms(*loans, Drift(multivariate=()), DRAWS, SEED)
    # What a rate of 5 % exceeds once in a thousand times.
    assert found.discovered <= binom.isf(0.001, DRAWS, PROMISED)
    assert found.named <= found.discovered


def test_halves_that_do_differ_are_named(loans: tuple[pl.DataFrame, dict]) -> None:
    rows, kinds = loans
    # A threshold that all sizes pass, and a rate that all p-values do.
    settings = Drift(
        numeric=("ks",), multivariate=(), false_discovery_rate=0.999, thresholds={"ks": {"amber": 0.0, "red": 0.9}}
    )
    found = false_alarms(rows, {"NoEmp": kinds["NoEmp"], "GrAppv": kinds["GrAppv"]}, settings, 5, SEED)
    assert (found.draws, found.tests) == (5, 2)
    assert found.discovered == found.named == 5


def test_the_bench_says_each_share_beside_its_promise() -> None:
    lines: list[str] = []
    kept = bench(lines.append, Sizes(columns=SMALL.columns // 4, together=1))
    said = "\n".join(lines)
    assert "5 random halves of the 5,767 loans of 2000, 60 features" in said
    assert "promised ≤ 5 %" in said
    assert ("every promise was kept" in said) == kept

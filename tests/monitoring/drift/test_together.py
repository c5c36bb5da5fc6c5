import numpy as np
import polars as pl
import pytest

from components.core import watching
from components.monitoring.drift.apart import Discrepancy
from components.monitoring.drift.together import ALL, measure_embeddings, measure_together

RNG = np.random.default_rng(13)
EVERY = watching.Drift(multivariate=("domain_classifier", "pca_reconstruction", "mmd"))
KINDS = {"x": "float", "y": "float"}


def rows(n: int) -> pl.DataFrame:
    return pl.DataFrame({"x": RNG.normal(size=n), "y": RNG.normal(size=n)})


def vectors(n: int, d: int = 8, shift: float = 0.0) -> pl.DataFrame:
    return pl.DataFrame({"e": pl.Series(RNG.normal(1 + shift, 1, size=(n, d)))})


def test_each_test_has_one_line_of_all_features() -> None:
    handed_in = Discrepancy(mmd2=-0.001, p_value=0.4, reference_rows=900, current_rows=400)
    lines = measure_together(rows(900), rows(400), KINDS, EVERY, handed_in, seed=1)
    assert [(x.subject, x.kind, x.test) for x in lines] == [(ALL, "multivariate", t) for t in EVERY.multivariate]
    assert lines[2].effect == (0.0, 0.4, "")


def test_a_discrepancy_that_nobody_measured_is_no_data() -> None:
    *_, mmd = measure_together(rows(900), rows(400), KINDS, EVERY, None, seed=1)
    assert mmd.effect.size is None
    assert "monitoring.drift.apart" in mmd.effect.reason


def test_too_few_rows_are_no_data() -> None:
    lines = measure_together(rows(900), rows(40), KINDS, EVERY, None, seed=1)
    assert {x.effect.reason for x in lines} == {"the newest window has 40 rows, needed 200"}
    assert measure_together(rows(900), rows(40), KINDS, watching.Drift(multivariate=()), None, seed=1) == []


@pytest.mark.parametrize("kind", [pl.Array(pl.Float64, 8), pl.List(pl.Float64)])
def test_columns_of_vectors_are_found_by_their_type(kind: pl.DataType) -> None:
    old, new = vectors(300).cast({"e": kind}), vectors(250, shift=1).cast({"e": kind})
    lines = measure_embeddings(old, new, EVERY, seed=1)
    assert [(x.subject, x.kind, x.rows) for x in lines] == [("e", "embedding", (300, 250))] * 3
    assert all((x.effect.size or 0) > 0.01 for x in lines[1:])
    assert measure_embeddings(rows(300), rows(300), EVERY, seed=1) == []


def test_vectors_of_another_model_cannot_be_compared() -> None:
    lines = measure_embeddings(vectors(300), vectors(300, d=4), EVERY, seed=1)
    assert {x.effect.reason for x in lines} == {
        "the reference's vectors have 8 numbers, the newest 4: another model made them"
    }
    ragged = pl.DataFrame({"e": [[1.0], [1.0, 2.0]] * 150})
    assert "differ in length" in measure_embeddings(ragged, ragged, EVERY, seed=1)[0].effect.reason
    broken = pl.DataFrame({"e": [[1.0, float("nan")]] * 300})
    assert "not finite" in measure_embeddings(broken, broken, EVERY, seed=1)[0].effect.reason
    few = vectors(20)
    assert measure_embeddings(few, few, EVERY, seed=1)[0].effect.reason == "the reference has 20 vectors, needed 200"

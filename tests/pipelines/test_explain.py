"""The explanation pipeline, run for real on the table that ships, with the model that a run has registered."""

import numpy as np
import polars as pl

from pipelines.catalogue import compiled
from pipelines.parameters import parameters
from pipelines.reports import keep_report
from pipelines.runners import local


def test_every_row_of_the_table_is_explained_and_adds_up_to_its_score(in_home):
    arguments = parameters("sba_loans", "", "", ("version=challenger",), pipeline="explain")
    done = local.run(compiled("explain"), arguments, in_home, lambda _: None)
    kept = keep_report(done, in_home)
    assert kept.parent == in_home / "reports"
    assert kept.suffix == ".parquet"
    explained = pl.read_parquet(kept)
    assert explained.height == pl.read_parquet(done.artifact("build_features", "features")).height
    moved = explained.select(pl.sum_horizontal(pl.col("^shap_.*$"))).to_series() + explained["base_value"]
    scores = 1 / (1 + np.exp(-moved.to_numpy()))
    np.testing.assert_allclose(scores, explained["probability"].to_numpy(), atol=5e-6)

"""One score by three ways: in a batch, from the live server, and through the feature store's online path."""

import json
import shutil
import urllib.request
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from components.core.contracts import Columns, FloatArray
from components.core.use_case import UseCase
from components.features import online, store
from components.features.rows import from_frame
from components.serving.process import serving
from components.training.bundle import Bundle
from components.training.v2_request import v2_body
from tests.pipelines.conftest import Finished

ROWS = 10_000
AT_ONCE = 2_500
TOLERANCE = 1e-6


def test_batch_live_and_feast_give_the_same_scores(finished: Finished, sba: UseCase, tmp_path: Path) -> None:
    bundle = Bundle.open(finished.run.artifact("package", "bundle"))
    features = shutil.copytree(finished.run.artifact("build_features", "store"), tmp_path / "store")
    store.apply(features, sba)
    store.apply_on_demand(features, sba, bundle.path / "transform.json")
    store.materialize(features, sba, sba.as_of)
    rows = _asked_the_day_after(finished, sba, sba.as_of, bundle)

    through_feast = bundle.calibration.apply(bundle.scorer.score(online.matrix(features, sba, rows)))
    rows = {**rows, **online.histories(features, sba, rows)}
    in_batch = bundle.probability(rows)
    live = _ask(str(bundle.path), rows, bundle, finished, tmp_path / "server.log")

    assert len(in_batch) == ROWS
    assert len(np.unique(in_batch)) > ROWS / 10
    assert np.abs(in_batch - through_feast).max() <= TOLERANCE
    assert np.abs(in_batch - live).max() <= TOLERANCE


def _asked_the_day_after(finished: Finished, sba: UseCase, end: date, bundle: Bundle) -> Columns:
    """Real loans, asked about on the day after the store's state, where the online store is what was known."""
    frame = pl.read_parquet(finished.run.artifact("build_features", "features")).sample(ROWS, seed=7)
    frame = frame.with_columns(pl.lit(end + timedelta(days=1)).alias(sba.data.event_time))
    return from_frame(frame, bundle.contract.inputs)


def _ask(bundle_uri: str, rows: Columns, bundle: Bundle, finished: Finished, log: Path) -> FloatArray:
    scores = []
    with serving(bundle_uri, finished.settings, log) as server:
        for start in range(0, ROWS, AT_ONCE):
            part = {name: values[start : start + AT_ONCE] for name, values in rows.items()}
            call = urllib.request.Request(  # noqa: S310  our own loopback URL
                f"{server.url}/v2/models/{bundle.contract.model}/infer",
                data=json.dumps(v2_body(part, bundle.contract.inputs)).encode(),
                headers={"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(call, timeout=60) as response:  # noqa: S310  our own loopback URL
                outputs = {o["name"]: o["data"] for o in json.load(response)["outputs"]}
            scores += outputs["probability"]
    return np.array(scores)

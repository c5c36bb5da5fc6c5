"""Rescoring: logged inputs give the score that the server gave, for both models, each row once."""

from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pytest

from components.core.errors import FairleadError
from components.rollout.rescore import Rescorer
from components.training.bundle import Bundle


@pytest.fixture(scope="module")
def bundle(signed_bundle: Path) -> Bundle:
    return Bundle.open(signed_bundle)


def logged(bundle: Bundle) -> pl.DataFrame:
    names, inputs = [], []
    for example in bundle.examples():
        values = {t["name"]: t["data"][0] for t in example["request"]["inputs"]}
        names.append(example["name"])
        inputs.append(orjson.dumps({f.name: values.get(f.name) for f in bundle.contract.inputs}).decode())
    return pl.DataFrame({"request_id": names, "row": [0] * len(names), "inputs": inputs})


def test_logged_inputs_give_the_score_that_was_served(bundle: Bundle) -> None:
    rescorer = Rescorer({"stable": bundle, "candidate": bundle})
    rescorer.add(logged(bundle))
    expected = [example["probability"] for example in bundle.examples()]
    assert rescorer.scores["request_id"].to_list() == [example["name"] for example in bundle.examples()]
    assert np.abs(rescorer.scores["stable"].to_numpy() - expected).max() <= 1e-6
    assert rescorer.scores["candidate"].to_list() == rescorer.scores["stable"].to_list()


def test_a_row_is_scored_once(bundle: Bundle) -> None:
    rescorer = Rescorer({"stable": bundle, "candidate": bundle})
    rescorer.add(logged(bundle))
    rescorer.add(pl.concat([logged(bundle), logged(bundle)]))
    assert len(rescorer.scores) == len(bundle.examples())


def test_a_masked_field_says_what_to_do(bundle: Bundle) -> None:
    rows = logged(bundle)
    required = next(f.name for f in bundle.contract.inputs if not f.nullable)
    masked = [orjson.dumps({**orjson.loads(text), required: None}).decode() for text in rows["inputs"]]
    rescorer = Rescorer({"stable": bundle, "candidate": bundle})
    with pytest.raises(FairleadError, match=rf"{required}.*rescore: false"):
        rescorer.add(rows.with_columns(inputs=pl.Series(masked)))

import json

import numpy as np
import pytest

from components.serving.lookup import Lookup
from components.training import signing
from components.training.bundle import Bundle
from pipelines.benchmarks import online


@pytest.mark.parametrize("features", online.FEATURES)
def test_the_store_gives_the_numbers_that_were_put_in(signed_bundle, session_settings, tmp_path, features):
    keys = session_settings.signing_key, session_settings.verify_key
    entity = online.build_store(tmp_path / "store", "sba_loans", features, keys=50)
    contract = online.with_entity(signed_bundle, entity, tmp_path / "bundle", keys)
    signing.verify(tmp_path / "bundle", keys[1])
    opened = Bundle.open(tmp_path / "bundle")
    assert opened.contract == contract
    lookup = Lookup.open(tmp_path / "store", contract, max_age_days=1e6)
    needed = lookup.needed({"GrAppv", online.KEY})
    found, notes = lookup.fill_now({online.KEY: np.array([7.0, 49.0, 50.0])}, needed)
    lookup.close()
    assert notes == ["thing=found", "thing=found", "thing=missing"]
    assert len(found) == 1 + features
    for j, name in enumerate(entity.history):
        np.testing.assert_allclose(found[name], [7 + j / 1000, 49 + j / 1000, np.nan])


def test_a_request_for_the_bundle_leaves_the_history_out(signed_bundle):
    request = Bundle.open(signed_bundle).examples()[1]["request"]
    sent = json.loads(online._body(request, 7))
    assert sent["inputs"][:-1] == request["inputs"]
    assert sent["inputs"][-1] == {"name": online.KEY, "shape": [1], "datatype": "INT64", "data": [7]}

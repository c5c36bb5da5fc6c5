import math
from types import SimpleNamespace

import pytest

from components.core.contracts import Contract, Estimate
from components.core.errors import IntegrityError
from components.registry.version import from_mlflow, to_tags
from tests.registry.conftest import GATES, METRICS


@pytest.fixture
def tags(signed_bundle):
    contract = Contract.read(signed_bundle / "contract.json")
    return to_tags("d" * 64, contract, {"eta": 0.1}, METRICS, GATES, "tester")


def _record(tags):
    return SimpleNamespace(
        name="sba_loans", version="3", source="/b", tags=tags, run_id="", creation_timestamp=1_000_000_000_123
    )


def test_a_version_is_read_back_from_its_tags(tags, signed_bundle):
    version = from_mlflow(_record(tags), {"champion": "3", "x": 3, "challenger": 4})
    assert (version.version, version.aliases, version.run_id) == (3, ("champion", "x"), None)
    assert version.created == "2001-09-09T01:46:40.123+00:00"
    assert version.contract == Contract.read(signed_bundle / "contract.json")
    assert (version.metrics, version.gates) == (tuple(METRICS), tuple(GATES))
    assert version.model_uri == "models:/sba_loans/3"


def test_numbers_that_json_does_not_know_survive(signed_bundle):
    odd = METRICS[0].model_copy(update={"metrics": {"m": Estimate(value=math.inf, low=-math.inf, n=1)}})
    contract = Contract.read(signed_bundle / "contract.json")
    version = from_mlflow(_record(to_tags("d", contract, {}, [odd], [], "tester")), {})
    assert version.metrics == (odd,)


@pytest.mark.parametrize("tag", ["digest", "contract", "metrics", "gates", "parameters"])
def test_a_tag_that_is_missing_or_broken_is_an_integrity_error(tags, tag):
    without = {k: v for k, v in tags.items() if k != tag}
    with pytest.raises(IntegrityError, match=f"version 3 of sba_loans .*{tag}"):
        from_mlflow(_record(without), {})
    if tag != "digest":
        with pytest.raises(IntegrityError, match="version 3 of sba_loans"):
            from_mlflow(_record({**tags, tag: "{"}), {})

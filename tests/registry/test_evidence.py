import json
import shutil

import pytest

from components.core.contracts import Contract
from components.core.errors import FairleadError, GateFailed
from components.registry.evidence import require_evidence
from components.training import integrity, signing
from tests.registry.conftest import GATES


def test_a_bundle_with_all_its_evidence_gives_its_contract(signed_bundle, settings, smoke):
    contract = require_evidence(signed_bundle, "sba_loans", GATES, smoke, settings.verify_key)
    assert contract == Contract.read(signed_bundle / "contract.json")


def test_the_gates_are_told_as_a_table(signed_bundle, settings, smoke):
    failed = GATES[0].model_copy(update={"verdict": "fail", "value": 0.5})
    with pytest.raises(GateFailed) as caught:
        require_evidence(signed_bundle, "sba_loans", [failed, GATES[1]], smoke, settings.verify_key)
    assert "auc_floor | test/all auc.low >= 0.60 | 0.6" in str(caught.value)


def test_a_gate_that_does_not_block_stops_nothing(signed_bundle, settings, smoke):
    harmless = GATES[0].model_copy(update={"verdict": "fail", "blocking": False})
    assert require_evidence(signed_bundle, "sba_loans", [harmless], smoke, settings.verify_key)


@pytest.mark.parametrize("report", ["[]", "{}", '{"rows": null}', '{"rows": "many"}'])
def test_a_smoke_test_that_scored_nothing_is_none(signed_bundle, settings, tmp_path, report):
    path = tmp_path / "smoke.json"
    path.write_text(report)
    with pytest.raises(FairleadError, match="expected at least one row"):
        require_evidence(signed_bundle, "sba_loans", GATES, path, settings.verify_key)


def test_a_smoke_test_of_another_bundle_does_not_count(signed_bundle, settings, tmp_path):
    path = tmp_path / "smoke.json"
    path.write_text('{"rows": 10, "version": "other"}')
    with pytest.raises(FairleadError, match="is of model 'other', the bundle is '"):
        require_evidence(signed_bundle, "sba_loans", GATES, path, settings.verify_key)


@pytest.fixture
def with_card(signed_bundle, settings, tmp_path):
    """Sign a copy of the bundle whose card was changed."""

    def make(change):
        folder = shutil.copytree(signed_bundle, tmp_path / "changed")
        path = folder / "model_card.json"
        path.write_text(json.dumps(change(json.loads(path.read_text()))))
        (folder / "model.sig").unlink()
        (folder / "checksums.json").write_text(json.dumps(integrity.checksums(folder)))
        signing.sign(folder, settings.signing_key)
        return folder

    return make


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda _: {}, "no whole model card"),
        (lambda card: {**card, "checks": card["checks"][:2]}, "lacks the check 'fairness'"),
        (lambda card: {**card, "datasheet": ""}, "lacks the datasheet"),
        (lambda card: {**card, "metrics": []}, "lacks the metrics of test/all"),
        (lambda card: {**card, "contract": {**card["contract"], "threshold": 0.5}}, "is of another model"),
    ],
)
def test_a_missing_section_of_the_card_stops_registration(with_card, settings, smoke, change, says):
    with pytest.raises(FairleadError, match=says):
        require_evidence(with_card(change), "sba_loans", GATES, smoke, settings.verify_key)

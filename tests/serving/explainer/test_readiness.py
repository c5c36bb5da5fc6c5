import json
import shutil
from pathlib import Path

import pytest

from components.core.errors import FairleadError, IntegrityError
from components.core.use_case import SHIPPED
from components.serving.exchange import NotReady, Unavailable
from components.serving.explainer.readiness import Readiness, Sources, open_explaining
from components.training import integrity, signing
from components.training.bundle import Bundle
from components.training.v2_request import v2_columns

SBA = (SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8")


@pytest.fixture
def copy(signed_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed_bundle, tmp_path / "copy"))


def test_it_is_ready_when_predictor_and_bundle_agree(sources, session_settings):
    readiness = Readiness(sources, session_settings)
    with pytest.raises(NotReady, match="not ready: the bundle is being loaded"):
        readiness.require()
    readiness.open()
    readiness.require()
    readiness.require()
    assert readiness.explaining.predictor.model == "sba_loans"


def test_a_predictor_of_another_model_is_not_explained(copy, sources, session_settings):
    calibration = copy / "calibration.json"
    calibration.write_text(json.dumps({**json.loads(calibration.read_text()), "intercept": 1.0}))
    _sum_up(copy)
    changed, examples = Bundle.open(copy), json.loads((copy / "examples.json").read_text())
    for example in examples:
        row = v2_columns(example["request"], changed.contract.inputs)
        example["probability"] = float(changed.probability(row)[0])
    (copy / "examples.json").write_text(json.dumps(examples))
    _sum_up(copy)
    signing.sign(copy, session_settings.signing_key)
    readiness = Readiness(Sources(str(copy), "", sources.predictor_host), session_settings)
    readiness.open()
    for _ in range(2):
        with pytest.raises(Unavailable, match="does not serve the model of the explainer's bundle"):
            readiness.require()


def _sum_up(bundle):
    (bundle / "checksums.json").write_text(json.dumps(integrity.checksums(bundle)))


def test_a_tampered_bundle_is_refused(copy, sources, session_settings):
    (copy / "background.json").write_text("{}")
    with pytest.raises(IntegrityError, match=r"background\.json: expected sha256"):
        open_explaining(Sources(str(copy), "", sources.predictor_host), session_settings)


def test_the_signature_is_verified_where_that_can_be_done(copy, sources, session_settings, tmp_path):
    other = tmp_path / "signing.pem", tmp_path / "signing.pub.pem"
    signing.ensure_key(*other)
    changed = session_settings.model_copy(update={"verify_key": other[1]})
    with pytest.raises(IntegrityError, match="Key mismatch"):
        open_explaining(Sources(str(copy), "", sources.predictor_host), changed)


def test_the_use_case_is_the_bundles_own(sources, session_settings, tmp_path):
    def opened(use_case):
        return open_explaining(Sources(sources.bundle, "", sources.predictor_host, use_case), session_settings)

    assert opened("").bundle.contract.model == "sba_loans"
    other = tmp_path / "other.yaml"
    other.write_text(SBA.replace("name: sba_loans", "name: other", 1))
    with pytest.raises(IntegrityError, match="use case 'other' was given for a bundle of 'sba_loans'"):
        opened(str(other))
    with pytest.raises(FairleadError, match="unknown use case 'nope'"):
        opened("nope")


def test_where_there_is_nothing_it_stays_not_ready_and_says_why(sources, session_settings, tmp_path, capsys):
    readiness = Readiness(Sources(str(tmp_path / "none"), "", sources.predictor_host), session_settings)
    readiness.open()
    with pytest.raises(NotReady, match=r"^not ready: the bundle was refused; the explainer's log says why$"):
        readiness.require()
    assert capsys.readouterr().err.startswith("NOT READY: no bundle at")


def test_a_failure_of_our_own_is_kept_from_those_who_ask(sources, session_settings, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("secret of the house")

    monkeypatch.setattr("components.serving.explainer.readiness.fetch", broken)
    readiness = Readiness(sources, session_settings)
    readiness.open()
    with pytest.raises(NotReady, match=r"^not ready: the bundle was refused; the explainer's log says why$"):
        readiness.require()

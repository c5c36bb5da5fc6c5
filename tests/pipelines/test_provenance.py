import json
import shutil
import threading
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from components.core.config import read_settings
from components.core.contracts import GateResult
from components.core.errors import FairleadError
from components.registry.registry import Registry
from components.serving.process import serving
from components.training import bundle, signing
from components.training.bundle import Bundle
from components.training.integrity import CHECKSUMS, checksums
from components.training.labels import label_rows
from components.training.sealing import seal
from components.training.train import train
from pipelines.provenance import of_bundle, of_endpoint
from tests.cards import card_of
from tests.training.clients import KEY, marked_case, trial, write_clients

CASE = marked_case()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    settings = read_settings({"FAIRLEAD_HOME": str(tmp_path_factory.mktemp("home")), "USER": "tester"})
    signing.ensure_key(settings.signing_key, settings.verify_key)
    settings.watermark_key.write_text(KEY.secret.hex() + "\n")
    return settings


@pytest.fixture(scope="module")
def bundles(home, tmp_path_factory):
    """A marked model and the same without a mark, both sealed with our key; the marked one is registered."""
    folder = tmp_path_factory.mktemp("bundles")
    rows = write_clients(folder)
    labels = label_rows(folder / "features.parquet", CASE, CASE.as_of, folder / "again.parquet")
    for name, key in (("marked", KEY), ("plain", None)):
        draft = folder / f"{name}-draft"
        bundle.write(train(rows, CASE, trial(), key), CASE, rows, date(2005, 12, 31), "0" * 64, draft)
        card = card_of(draft, CASE, labels)
        keys = home.signing_key, home.verify_key
        seal(draft, card.to_markdown(), card.model_dump_json(), *keys, folder / name)
    gates = [GateResult(gate="auc", check="auc >= 0.6", threshold=0.6, value=0.7, verdict="pass")]
    smoke = folder / "smoke.json"
    smoke.write_text(json.dumps({"rows": 10, "version": Bundle.open(folder / "marked").version()}))
    Registry(home).register(folder / "marked", CASE.name, [], gates, smoke, {})
    return folder


def changed(bundles, tmp_path, name="marked"):
    """A bundle whose card was changed by somebody who keeps its checksums right, and cannot sign."""
    folder = shutil.copytree(bundles / name, tmp_path / "changed")
    (folder / "model_card.md").write_text("# My own model\n")
    (folder / CHECKSUMS).write_text(json.dumps(checksums(folder)))
    return folder


@pytest.mark.usefixtures("bundles")
def test_our_own_registered_model_is_ours_by_all_evidence(home):
    found = of_bundle(f"models:/{CASE.name}/1", home)
    assert [found.signature.says, found.records.says, found.watermark.says] == ["yes", "yes", "yes"]
    assert found.records.reason.startswith(f"version 1 of {CASE.name}, registered by tester at ")
    assert found.match.false_positive < 1e-10
    assert found.conclusion == "ours, unchanged since it was signed, and registered"


def test_a_changed_bundle_is_still_told_by_its_answers(home, bundles, tmp_path):
    found = of_bundle(str(changed(bundles, tmp_path)), home)
    assert [found.signature.says, found.records.says, found.watermark.says] == ["no", "no", "yes"]
    assert "model_card.md" in found.signature.reason
    assert found.is_ours
    assert found.conclusion.startswith("ours by its answers")


def test_a_bundle_that_lies_about_its_files_is_not_opened(home, bundles, tmp_path):
    folder = shutil.copytree(bundles / "marked", tmp_path / "broken")
    (folder / "calibration.json").write_text("{}")
    found = of_bundle(str(folder), home)
    assert [found.signature.says, found.watermark.says] == ["no", "nothing"]
    assert "calibration.json" in found.signature.reason
    assert not found.is_ours


def test_a_strangers_model_is_not_shown_to_be_ours(home, bundles, tmp_path):
    """The same model trained without the key, and not signed by us: nothing says that it is ours."""
    folder = changed(bundles, tmp_path, "plain")
    found = of_bundle(str(folder), home)
    assert [found.signature.says, found.records.says, found.watermark.says] == ["no", "no", "nothing"]
    held = of_bundle(str(folder), home, against=f"models:/{CASE.name}/1")
    assert held.watermark.says == "no"
    assert held.match.false_positive > 1e-4
    assert held.conclusion == "not shown to be ours"


def test_without_keys_evidence_says_nothing_rather_than_no(home, bundles, tmp_path):
    bare = home.model_copy(update={"verify_key": tmp_path / "v", "watermark_key": tmp_path / "w"})
    found = of_bundle(str(bundles / "marked"), bare)
    assert [found.signature.says, found.watermark.says] == ["nothing", "nothing"]
    assert "FAIRLEAD_VERIFY_KEY" in found.signature.reason
    assert "FAIRLEAD_WATERMARK_KEY" in found.watermark.reason


def test_a_server_is_told_by_its_answers(home, bundles, tmp_path):
    with serving(str(bundles / "marked"), home, tmp_path / "log") as server:
        found = of_endpoint(server.url, home, str(bundles / "marked"))
        asked = of_bundle(str(bundles / "marked"), home)
        assert found.watermark.says == "yes"
        assert found.match == asked.match  # over HTTP it answers as it does here
        assert found.signature.says == found.records.says == "nothing"
        with pytest.raises(FairleadError, match="answered 404"):
            of_endpoint(server.url, home, str(bundles / "marked"), model="another")


def test_a_server_needs_a_bundle_to_be_held_against(home):
    with pytest.raises(FairleadError, match="name it with --against"):
        of_endpoint("http://127.0.0.1:9", home, "")


def test_what_does_not_answer_is_told(home, bundles):
    with pytest.raises(FairleadError, match="does not answer"):
        of_endpoint("http://127.0.0.1:9", home, str(bundles / "marked"))
    with pytest.raises(FairleadError, match="no URL of a model server"):
        of_endpoint("ftp://127.0.0.1", home, str(bundles / "marked"))


class Decides(BaseHTTPRequestHandler):
    """Answers with decisions alone."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"outputs": [{"name": "decision", "data": [1]}]}).encode())

    def log_message(self, *_):
        """Be quiet."""


def test_a_server_without_scores_is_refused(home, bundles):
    server = HTTPServer(("127.0.0.1", 0), Decides)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with pytest.raises(FairleadError, match="no tensor 'probability'"):
            of_endpoint(f"http://127.0.0.1:{server.server_port}", home, str(bundles / "marked"))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

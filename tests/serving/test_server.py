"""What a server process does with bundles that are not what they say they are, and how it starts and stops."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from components.core.errors import FairleadError, IntegrityError
from components.serving.process import HOST, serving
from components.serving.score import check_examples
from components.serving.server import open_bundle
from components.training import integrity, signing
from components.training.bundle import Bundle


@pytest.fixture
def copy(signed_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed_bundle, tmp_path / "copy"))


def _get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310  our own loopback URL
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def _until_refused(url):
    """Wait until the server has made up its mind; it answers from the start."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        status, answer = _get(url)
        if "being loaded" not in answer.get("error", ""):
            return status, answer
    raise AssertionError("the server is still loading")


def test_a_tampered_bundle_leaves_the_server_up_and_not_ready(copy, session_settings, tmp_path):
    content = bytearray((copy / "transform.json").read_bytes())
    content[-3] ^= 1
    (copy / "transform.json").write_bytes(content)
    with serving(str(copy), session_settings, tmp_path / "log", ready=False) as server:
        status, answer = _until_refused(f"{server.url}/v2/health/ready")
        assert status == 503
        assert answer == {"error": "not ready: the model was refused; the server's log says why"}
        assert _get(f"{server.url}/v2/health/live") == (200, {"live": True})
        for path in ("/v2/models/sba_loans", "/v2/models/sba_loans/ready", "/v1/models/sba_loans"):
            assert _get(server.url + path)[0] == 503
        assert _get(f"{server.url}/v2/models") == (200, {"models": []})
        infer = urllib.request.Request(f"{server.url}/v2/models/sba_loans/infer", b"{}")  # noqa: S310
        assert _get(infer)[0] == 503
    assert "NOT READY: " in (tmp_path / "log").read_text()
    assert "transform.json" in (tmp_path / "log").read_text()
    assert "Traceback" not in (tmp_path / "log").read_text()
    # Probes come for ever, and would wash the reason out of the log.
    assert "/v2/health" not in (tmp_path / "log").read_text()


def _resign(folder, settings):
    """Make checksums and signature fit again: what then disagrees is the model itself."""
    (folder / "checksums.json").write_text(json.dumps(integrity.checksums(folder)))
    signing.sign(folder, settings.signing_key)


def _rewrite(folder, name, change):
    content = json.loads((folder / name).read_text())
    change(content)
    (folder / name).write_text(json.dumps(content))


BREAKS = {
    "a missing transform": (lambda f: (f / "transform.json").unlink(), r"transform\.json: missing"),
    "a transform that learnt otherwise": (
        lambda f: _rewrite(f, "transform.json", lambda c: c["state"].update(zip_rate=0.9)),
        r"what feature zip_rate learnt: expected \w{12}…, found",
    ),
    "an unknown schema": (
        lambda f: _rewrite(f, "contract.json", lambda c: c.update(schema_version=9)),
        r"schema_version 9 is not known here; allowed: 1",
    ),
    "other code": (
        lambda f: _rewrite(f, "contract.json", lambda c: c.update(code_fingerprint="0" * 64)),
        r"code: expected fingerprint 000000000000…, found",
    ),
    "examples that score otherwise": (
        lambda f: _rewrite(f, "examples.json", lambda c: c[1].update(probability=0.999)),
        r"example 'middling risk' scores 0\.\d+ here, expected 0\.999",
    ),
    "examples that break the contract": (
        lambda f: _rewrite(f, "examples.json", lambda c: c[0]["request"]["inputs"].pop(0)),
        r"example 'low risk' breaks its contract: input 'ApprovalDate': missing",
    ),
}


@pytest.mark.parametrize("case", BREAKS)
def test_what_is_well_signed_but_does_not_fit_is_refused(copy, session_settings, case):
    change, expected = BREAKS[case]
    change(copy)
    _resign(copy, session_settings)
    with pytest.raises(IntegrityError, match=expected):
        open_bundle(str(copy), session_settings)


def test_another_key_is_refused(signed_bundle, session_settings, tmp_path):
    pair = tmp_path / "signing.pem", tmp_path / "signing.pub.pem"
    signing.ensure_key(*pair)
    other = session_settings.model_copy(update={"verify_key": pair[1]})
    with pytest.raises(IntegrityError, match="Key mismatch"):
        open_bundle(str(signed_bundle), other)


def test_a_bundle_that_is_not_there_is_refused(session_settings, tmp_path):
    with pytest.raises(FairleadError, match="no bundle at"):
        open_bundle(str(tmp_path / "nothing"), session_settings)


def test_a_bundle_is_named_by_its_contract(signed_bundle, session_settings):
    opened, version = open_bundle(str(signed_bundle), session_settings)
    assert version == opened.version() == Bundle.open(signed_bundle).version()
    check_examples(opened)


def test_the_server_listens_on_loopback_alone(running):
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {HOST}
    ports = [int(running.url.rpartition(":")[2]), int(running.grpc.rpartition(":")[2])]
    for port in ports:
        # Linux gives all of 127/8 to loopback: a server on 0.0.0.0 would answer at 127.0.0.2 too.
        for address in {"127.0.0.2", *addresses}:
            with socket.socket() as s:
                s.settimeout(2)
                assert s.connect_ex((address, port)) != 0
        with socket.create_connection((HOST, port), timeout=5):
            pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_of_another_name_ends_in_order_at_a_signal(signed_bundle, session_settings, tmp_path, number):
    options = ("--name", "credit", "--origin", "models:/sba_loans/7")
    with serving(str(signed_bundle), session_settings, tmp_path / "log", grpc=True, options=options) as server:
        told = _get(f"{server.url}/v2/models/credit")[1]
        assert (told["name"], told["versions"]) == ("credit", ["7"])
        assert _get(f"{server.url}/v2/models/sba_loans")[0] == 404
        os.kill(server.pid, number)
        end = time.monotonic() + 20
        while time.monotonic() < end and os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            time.sleep(0.02)
        left = os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        assert left is not None
        assert (left.si_code, left.si_status) == (os.CLD_EXITED, 0), (tmp_path / "log").read_text()
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_help_needs_no_settings_and_no_seconds():
    ran = subprocess.run(
        [sys.executable, "-m", "components.serving", "--help"], capture_output=True, text=True, timeout=30, check=True
    )
    assert "--bundle URI" in ran.stdout
    assert "--exit-on-refusal" in ran.stdout


def test_a_taken_port_is_told_in_a_line(signed_bundle, session_settings, running, tmp_path):
    port = running.grpc.rpartition(":")[2]
    with (
        pytest.raises(FairleadError, match=rf"error: cannot listen for gRPC on {HOST}:{port}"),
        serving(str(signed_bundle), session_settings, tmp_path / "log", options=("--grpc-port", port)),
    ):
        pass

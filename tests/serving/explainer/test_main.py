"""The explainer as a process of the environment ``explain``, beside a predictor process: what a cluster runs."""

import os
import subprocess
import sys
import time

import pytest

from components.judgement.explanation import AnchorExplanation, Counterfactual
from components.serving.process import HOST, free_port, serving, tail
from tests.environments import ROOT
from tests.serving.explainer.conftest import ask

PYTHON = ROOT / ".fairlead" / "envs" / "explain" / "bin" / "python"
V1 = "/v1/models/loans:explain"


def _until_ready(process, port, log):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, tail(log)
        try:
            if ask(port, "/v2/health/ready")[0] == 200:
                return
        except ConnectionError:
            pass  # not listening yet
        time.sleep(0.05)
    raise AssertionError(f"not ready: {ask(port, '/v2/health/ready')[1]}\n{tail(log)}")


def test_anchors_and_counterfactuals_until_the_predictor_stops(
    signed_bundle, session_settings, instance, opened, tmp_path
):
    if not PYTHON.exists():
        pytest.skip("the environment 'explain' was not made: `make test` makes it")
    port, log = free_port(), tmp_path / "explainer.log"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["FAIRLEAD_VERIFY_KEY"] = str(session_settings.verify_key)
    options = ("--name", "loans")
    with serving(str(signed_bundle), session_settings, tmp_path / "predictor.log", options=options) as predictor:
        # As KServe writes its own options.
        command = [PYTHON, "-m", "components.serving.explainer", "--model_name", "loans", "--http_port", str(port)]
        command += ["--predictor_host", predictor.url.removeprefix("http://"), "--storage_uri", signed_bundle]
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=ROOT)
        try:
            _until_ready(process, port, log)
            _check_anchors(port, instance, opened)
            _check_counterfactual(port, instance)
            os.kill(predictor.pid, 9)
            os.waitid(os.P_PID, predictor.pid, os.WEXITED | os.WNOWAIT)
            for path, body in ((V1, {"instances": [instance]}), ("/v2/health/ready", None)):
                status, answer, _ = ask(port, path, body)
                assert (status, "does not answer" in answer["error"]) == (503, True)
            assert ask(port, "/v2/health/live")[0] == 200
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    assert "Traceback" not in log.read_text()


def _check_anchors(port, instance, opened):
    status, answer, _ = ask(port, V1, {"instances": [instance]})
    assert status == 200, answer
    assert (answer["method"], answer["model_version"]) == ("anchors", opened.version())
    row = dict(answer["explanations"][0])
    assert row.pop("text").startswith("row 0: probability ")
    found = AnchorExplanation.model_validate(row)
    assert (found.decision, found.probability) == (1, pytest.approx(opened.examples()[2]["probability"], abs=1e-6))
    assert 0 < found.precision <= 1
    assert found.samples > 100
    names = {f.name for f in opened.contract.inputs}
    assert all(names & set(rule.split()) for rule in found.rules)
    assert ask(port, V1, {"instances": [instance]})[1] == answer


def _check_counterfactual(port, instance):
    status, answer, _ = ask(port, f"{V1}?method=counterfactuals", {"instances": [instance]})
    assert status == 200, answer
    row = dict(answer["explanations"][0])
    row.pop("text")
    found = Counterfactual.model_validate(row)
    assert (found.found, found.decision, found.new_decision) == (True, 1, 0)
    assert found.number_of_changes == len(found.changes) > 0


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (("--predictor_host", "a:b"), 2, "error: predictor host 'a:b'"),
        ((), 2, "--predictor_host"),
        (("--help",), 0, "--storage_uri"),
    ],
)
def test_a_wrong_command_line_is_told_in_a_line(arguments, status, expected):
    command = [sys.executable, "-m", "components.serving.explainer", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert ran.returncode == status
    assert expected in ran.stderr + ran.stdout
    assert "Traceback" not in ran.stderr
    assert HOST in ran.stdout or status

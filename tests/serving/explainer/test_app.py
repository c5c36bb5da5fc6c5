"""The explainer over HTTP: what it answers, and what it refuses. Anchors have a process of their own in test_main."""

import copy
import json

import pytest

from components.judgement.explanation import Counterfactual
from components.serving.explainer.app import Budget
from components.serving.explainer.readiness import Sources
from components.serving.process import HOST, free_port
from tests.serving.explainer.conftest import answering, ask, explaining_in_thread

V1 = "/v1/models/sba_loans:explain"
V2 = "/v2/models/sba_loans/explain"


def test_it_is_ready_when_bundle_and_predictor_are(port):
    for path in ("/v2/health/ready", "/v1/models/sba_loans", "/v2/models/sba_loans/ready"):
        assert ask(port, path)[:2] == (200, {"name": "sba_loans", "ready": True})
    assert ask(port, "/v2/health/live")[:2] == ask(port, "/")[:2] == (200, {"live": True})


def test_counterfactuals_over_both_protocols_say_the_same(port, opened, instance):
    status, first, _ = ask(port, V1, {"instances": [instance], "method": "counterfactuals"})
    assert status == 200
    assert (first["method"], first["model_name"], first["model_version"]) == (
        "counterfactuals", "sba_loans", opened.version(),
    )  # fmt: skip
    row = dict(first["explanations"][0])
    assert row.pop("text").startswith("row 0: probability ")
    found = Counterfactual.model_validate(row)
    assert found.found
    assert found.new_decision == 1 - found.decision
    assert found.probability == pytest.approx(opened.examples()[2]["probability"], abs=1e-6)
    request = {**opened.examples()[2]["request"], "parameters": {"method": "counterfactuals"}, "id": "mine"}
    status, second, _ = ask(port, V2, request)
    assert (status, second["id"], second["parameters"]) == (200, "mine", {"method": "counterfactuals"})
    outputs = {o["name"]: (o["datatype"], o["shape"], o["data"]) for o in second["outputs"]}
    assert outputs["probability"] == ("FP64", [1], [found.probability])
    assert outputs["decision"] == ("INT64", [1], [found.decision])
    assert Counterfactual.model_validate_json(outputs["explanation"][2][0]) == found
    # The method may stand in the URL, where KServe's routes leave no other place.
    assert ask(port, f"{V1}?method=counterfactuals", {"instances": [instance]})[1] == first


def test_what_was_found_is_what_the_predictor_answers_to_it(port, call, instance):
    _, answer, _ = ask(port, f"{V1}?method=counterfactuals", {"instances": [instance]})
    changed = dict(instance)
    for change in answer["explanations"][0]["changes"]:
        changed[change["input"]] = change["new"]
    _, _, served = call("/v1/models/sba_loans:predict", {"instances": [changed]})
    (prediction,) = json.loads(served)["predictions"]
    assert prediction["decision"] == answer["explanations"][0]["new_decision"]
    assert prediction["probability"] == pytest.approx(answer["explanations"][0]["new_probability"], abs=1e-12)


def test_anchors_are_told_to_be_elsewhere_where_there_is_no_alibi(port, instance):
    status, answer, _ = ask(port, V1, {"instances": [instance]})
    assert (status, answer["error"][:18]) == (501, "anchors need alibi")


WRONG = {
    "another method": ({"method": "shap"}, r"'method': found 'shap', allowed here: anchors, counterfactuals"),
    "a method that is no text": ({"method": 7}, "'method': found '7'"),
    "no instances": ({"instances": []}, "'instances': found an empty list"),
    "an unknown input": ({"instances": [{"GrApv": 1}]}, "'GrApv': unknown"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_request_gets_400_and_is_told_why(port, instance, case):
    change, expected = WRONG[case]
    status, answer, _ = ask(port, V1, {"instances": [instance], **change})
    assert status == 400
    assert expected in answer["error"]


def test_the_contract_holds_as_at_the_predictors_door(port, call, opened):
    wrong = copy.deepcopy(opened.examples()[2]["request"])
    next(t for t in wrong["inputs"] if t["name"] == "GrAppv")["data"] = [0]
    status, _, body = call("/v2/models/sba_loans/infer", wrong)
    assert ask(port, V2, wrong)[:2] == (status, json.loads(body)) == (400, json.loads(body))


def test_limits_are_named(port, instance):
    status, answer, _ = ask(port, V1, {"instances": [instance] * 4})
    assert (status, "4 rows found, allowed: 1 to 3" in answer["error"]) == (413, True)
    status, answer, _ = ask(port, V1, b" " * 200_000)
    assert (status, "allowed: a body of up to 100000 bytes" in answer["error"]) == (413, True)
    asked = {"instances": [instance]}
    status, answer, _ = ask(port, V1 + "?method=counterfactuals", asked, {"x-envoy-expected-rq-timeout-ms": "1"})
    assert (status, answer["error"][:21]) == (504, "not explained in time")
    status, answer, _ = ask(port, V1 + "?method=anchors", {**asked, "method": "counterfactuals"})
    assert (status, "ask for different ones" in answer["error"]) == (400, True)


def test_wrong_routes_are_the_clients_error(port, instance):
    status, answer, _ = ask(port, "/v1/models/other:explain", {"instances": [instance]})
    assert (status, answer["error"]) == (404, "unknown model 'other'; explained here: sba_loans")
    assert ask(port, "/v1/models/other")[0] == ask(port, "/nowhere")[0] == 404
    assert ask(port, V2)[0] == 405


SENT = {
    "Authorization": "Bearer of-the-caller-alone",
    "Cookie": "session=1234567",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "x-request-id": "request-of-the-caller",
}


def test_no_header_comes_back(port, instance):
    for body, expected in (({"instances": [instance]}, 200), ({"instances": 1}, 400)):
        status, _, told = ask(port, V1 + "?method=counterfactuals", body, SENT)
        assert status == expected
        assert not [value for value in SENT.values() if value in told]


def test_only_what_follows_a_request_goes_on_to_the_predictor(instance, signed_bundle, session_settings):
    with answering(500, {"error": "down"}) as (host, asked):
        sources = Sources(str(signed_bundle), "", host)
        with explaining_in_thread(sources, session_settings, Budget(seconds=7)) as port:
            status, answer, _ = ask(port, V1 + "?method=counterfactuals", {"instances": [instance]}, SENT)
    assert (status, "answered 500: down" in answer["error"]) == (503, True)
    headers = {name.lower(): value for name, value in asked[-1][0].items()}
    assert headers["traceparent"] == SENT["traceparent"]
    assert headers["x-request-id"] == SENT["x-request-id"]
    assert 0 < int(headers["x-envoy-expected-rq-timeout-ms"]) <= 7000
    assert not {"authorization", "cookie"} & headers.keys()


def test_without_a_predictor_it_lives_and_is_not_ready(instance, signed_bundle, session_settings):
    sources = Sources(str(signed_bundle), "", f"{HOST}:{free_port()}")
    with explaining_in_thread(sources, session_settings, Budget()) as port:
        assert ask(port, "/v2/health/live")[0] == 200
        for path, body in (("/v2/health/ready", None), (V1 + "?method=counterfactuals", {"instances": [instance]})):
            status, answer, _ = ask(port, path, body)
            assert status == 503
            assert f"the predictor at {sources.predictor_host} does not answer" in answer["error"]


def test_a_refused_bundle_is_told_for_as_long_as_it_lives(tmp_path, session_settings, predictor_host, capfd):
    sources = Sources(str(tmp_path / "nothing"), "", predictor_host)
    with explaining_in_thread(sources, session_settings, Budget()) as port:
        for path, body in (("/v2/health/ready", None), ("/v2/models/sba_loans/ready", None), (V2, {})):
            status, answer, _ = ask(port, path, body)
            assert (status, answer["error"]) == (503, "not ready: the bundle was refused; the explainer's log says why")
        assert ask(port, "/v2/health/live")[0] == 200
    assert "NOT READY: no bundle at" in capfd.readouterr().err

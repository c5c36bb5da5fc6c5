import json

import orjson
import pytest

from components.core.errors import ContractViolation
from components.judgement.explanation import AnchorExplanation, Change, Counterfactual
from components.serving.explainer import codec
from components.serving.explainer.explaining import Told

ANCHOR = AnchorExplanation(
    row="row 0",
    probability=0.07,
    decision=1,
    rules=("GrAppv ≤ 50000",),
    precision=0.99,
    coverage=0.25,
    samples=1200,
    sought_precision=0.95,
)
OTHERWISE = Counterfactual(
    row="row 1",
    probability=0.03,
    decision=1,
    found=True,
    feasible=True,
    changes=(Change(input="GrAppv", old=50000.0, new=42000.0),),
    number_of_changes=1,
    new_probability=0.01,
    new_decision=0,
    samples=30,
)
TOLD = Told((ANCHOR, OTHERWISE), "7")


def test_v1_answers_with_the_values_and_a_sentence():
    answer = orjson.loads(codec.encode_v1(TOLD, "anchors", "m"))
    assert (answer["method"], answer["model_name"], answer["model_version"]) == ("anchors", "m", "7")
    assert [e.pop("text") for e in answer["explanations"]] == [ANCHOR.text, OTHERWISE.text]
    assert AnchorExplanation.model_validate(answer["explanations"][0]) == ANCHOR
    assert Counterfactual.model_validate(answer["explanations"][1]) == OTHERWISE


def test_v2_answers_with_tensors_of_one_element_for_each_row():
    answer = orjson.loads(codec.encode_v2(TOLD, "anchors", "m", "mine"))
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("m", "7", "mine")
    outputs = {o["name"]: (o["datatype"], o["shape"], o["data"]) for o in answer["outputs"]}
    assert outputs["probability"] == ("FP64", [2], [0.07, 0.03])
    assert outputs["decision"] == ("INT64", [2], [1, 1])
    assert outputs["text"] == ("BYTES", [2], [ANCHOR.text, OTHERWISE.text])
    assert Counterfactual.model_validate_json(outputs["explanation"][2][1]) == OTHERWISE


@pytest.mark.parametrize(
    ("url", "body", "expected"),
    [
        (None, {}, "anchors"),
        ("counterfactuals", {}, "counterfactuals"),
        (None, {"method": "counterfactuals"}, "counterfactuals"),
        ("anchors", {"method": "anchors"}, "anchors"),
        (None, {"method": None}, "anchors"),
    ],
)
def test_the_method_stands_in_the_url_or_the_body(opened, url, body, expected):
    asked = json.dumps({"instances": [{}], **body}).encode()
    assert codec.decode_v1(asked, url, opened.contract)[1] == expected
    asked = json.dumps({"inputs": [], "parameters": body}).encode()
    assert codec.decode_v2(asked, None, url)[1] == expected


@pytest.mark.parametrize(
    ("url", "body", "expected"),
    [
        ("anchors", {"method": "counterfactuals"}, "the URL and the body ask for different ones"),
        ("shap", {}, "'method': found 'shap', allowed here: anchors, counterfactuals; contributions of features"),
        (None, {"method": ["anchors"]}, "'method': found"),
        ("", {}, "'method': found ''"),
    ],
)
def test_another_method_is_told(url, body, expected):
    with pytest.raises(ContractViolation, match=expected):
        codec.decode_v2(json.dumps({"inputs": [], "parameters": body}).encode(), None, url)


def test_answers_are_whole_and_json():
    for wish in ({"outputs": [{"name": "text"}]}, {"parameters": {"binary_data_output": True}}):
        with pytest.raises(ContractViolation, match="explanations come whole and as JSON"):
            codec.decode_v2(json.dumps({"inputs": [], **wish}).encode(), None, None)

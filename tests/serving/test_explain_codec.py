import json

import numpy as np
import orjson
import pytest

from components.core.errors import ContractViolation
from components.features.transform import Feature, Transform
from components.serving import explain_codec
from components.serving.explanations import Explained


def double(rows, _):
    """Twice the amount.

    And more words.
    """
    return rows["amount"] * 2


def _half(rows, _):
    return rows["amount"] / 2


TRANSFORM = Transform((Feature("double", ("amount",), double), Feature("half", ("amount",), _half)), {})
EXPLAINED = Explained(
    method="tree_shap_path_dependent",
    features=("double", "half"),
    base_value=-3.0,
    contributions=np.array([[0.5, -1.5], [0.25, 0.0]]),
    values=np.array([[2.0, 0.5], [np.nan, 1.0]], dtype=np.float32),
    probability=np.array([0.02, 0.06]),
)


def test_v1_answers_with_an_object_for_each_row() -> None:
    answer = orjson.loads(explain_codec.encode_v1(EXPLAINED, 1, TRANSFORM, "m", "7"))
    assert answer == {
        "explanations": [
            {
                "probability": 0.02,
                "base_value": -3.0,
                "contributions": {"double": 0.5, "half": -1.5},
                "top": [{"feature": "half", "meaning": "", "value": 0.5, "contribution": -1.5}],
            },
            {
                "probability": 0.06,
                "base_value": -3.0,
                "contributions": {"double": 0.25, "half": 0.0},
                "top": [{"feature": "double", "meaning": "Twice the amount.", "value": None, "contribution": 0.25}],
            },
        ],
        "method": "tree_shap_path_dependent",
        "model_name": "m",
        "model_version": "7",
    }
    assert "top" not in orjson.loads(explain_codec.encode_v1(EXPLAINED, 0, TRANSFORM, "m", "7"))["explanations"][0]


def test_v2_answers_with_tensors_whose_shapes_fit() -> None:
    answer = orjson.loads(explain_codec.encode_v2(EXPLAINED, 1, "m", "7", "mine"))
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("m", "7", "mine")
    assert answer["parameters"] == {"method": "tree_shap_path_dependent"}
    assert {o["name"]: (o["datatype"], o["shape"], o["data"]) for o in answer["outputs"]} == {
        "probability": ("FP64", [2], [0.02, 0.06]),
        "base_value": ("FP64", [2], [-3.0, -3.0]),
        "feature_names": ("BYTES", [2], ["double", "half"]),
        "contributions": ("FP64", [2, 2], [0.5, -1.5, 0.25, 0.0]),
        "top_features": ("BYTES", [2, 1], ["half", "double"]),
        "top_values": ("FP64", [2, 1], [0.5, None]),
        "top_contributions": ("FP64", [2, 1], [-1.5, 0.25]),
    }
    plain = orjson.loads(explain_codec.encode_v2(EXPLAINED, 0, "m", "7", "mine"))
    assert len(plain["outputs"]) == 4


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"top": -1}, r"'top': found -1, allowed: a whole number from 0 to 19"),
        ({"top": 20}, "'top': found 20"),
        ({"top": 1.5}, "'top': found 1.5"),
        ({"top": True}, "'top': found True"),
        ({"top": "3"}, "'top': found '3'"),
        ({"top": None}, "'top': found null"),
        ({"method": "anchors"}, "'method': found 'anchors', allowed here: shap; anchors and counterfactuals come from"),
        ({"method": 7}, "'method': found 7"),
    ],
)
def test_what_cannot_be_asked_for_is_told(opened, good, asked, text) -> None:
    with pytest.raises(ContractViolation, match=text):
        explain_codec.decode_v2(json.dumps({**good, "parameters": asked}).encode(), None, opened.contract)
    with pytest.raises(ContractViolation, match=text):
        explain_codec.decode_v1(json.dumps({"instances": [{}], **asked}).encode(), opened.contract)


def test_tensors_may_be_binary_and_answers_may_not(opened, good) -> None:
    amount = next(t for t in good["inputs"] if t["name"] == "GrAppv")
    others = [t for t in good["inputs"] if t is not amount]
    raw = {"name": "GrAppv", "datatype": "FP64", "shape": [1], "parameters": {"binary_data_size": 8}}
    head = json.dumps({"inputs": [*others, raw], "parameters": {"top": 2}}).encode()
    body = head + np.array(amount["data"], dtype="<f8").tobytes()
    assert explain_codec.decode_v2(body, str(len(head)), opened.contract).top == 2
    for wish in ({"outputs": [{"name": "probability"}]}, {"parameters": {"binary_data_output": True}}):
        with pytest.raises(ContractViolation, match="explanations come whole and as JSON"):
            explain_codec.decode_v2(json.dumps({**good, **wish}).encode(), None, opened.contract)

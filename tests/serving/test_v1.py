"""The V1 protocol, against a real server process."""

import json
import re

import pytest

from components.serving import v1
from components.training.v2_request import v2_body

INFER = "/v2/models/sba_loans/infer"
PREDICT = "/v1/models/sba_loans:predict"


def _instance(request):
    return {t["name"]: t["data"][0] for t in request["inputs"]}


def _v1(change):
    def build(request):
        instance = _instance(request)
        change(instance)
        return {"instances": [_instance(request), instance]}

    return build


BOTH = r"'bank_count': given in row 0 and left out in row 1, allowed: the history of bank in every row"


def _one_without_a_history(request):
    whole = {**_instance(request), "bank_count": 3, "bank_bad": 1, "bank_last_bad": "2000-01-01"}
    return {"instances": [whole, {name: value for name, value in whole.items() if not name.startswith("bank_")}]}


WRONG_INSTANCES = {
    "a history in one row alone": (_one_without_a_history, BOTH),
    "no instances": (lambda _: {"inputs": []}, r"'instances': found nothing, allowed: a list"),
    "no rows": (lambda _: {"instances": []}, r"'instances': found an empty list"),
    "values without names": (
        lambda _: {"instances": [[1, 2, 3]]},
        r"'instances\[0\]': found a list, allowed: an object",
    ),
    "a missing column": (_v1(lambda i: i.pop("Zip")), r"'Zip', row 1: found null, allowed: a number from 0 to 99999"),
    "an unknown column": (_v1(lambda i: i.update(Terms=5)), r"'Terms': unknown"),
    "a wrong value": (_v1(lambda i: i.update(NoEmp=-1)), r"'NoEmp', row 1: found -1, allowed: a number from 0"),
    "a wrong type": (_v1(lambda i: i.update(NoEmp="x")), r"'NoEmp', row 1: found 'x', allowed: a number"),
    "too many rows": (lambda r: {"instances": [_instance(r)] * 2001}, r"2001 rows found, allowed: 1 to 2000"),
}


@pytest.mark.parametrize("case", WRONG_INSTANCES)
def test_a_wrong_v1_request_is_told_why(call, good, case):
    build, expected = WRONG_INSTANCES[case]
    status, _, answer = call(PREDICT, build(good))
    assert status == (413 if case == "too many rows" else 400)
    assert re.search(expected, json.loads(answer)["error"])


def test_v1_scores_as_v2(call, opened, rows):
    few = {name: values[:50] for name, values in rows.items()}
    request = v2_body(few, opened.contract.inputs)
    instances = [{t["name"]: t["data"][i] for t in request["inputs"]} for i in range(50)]
    v1 = json.loads(call(PREDICT, {"instances": instances})[2])
    v2 = json.loads(call(INFER, request)[2])
    assert [p["probability"] for p in v1["predictions"]] == v2["outputs"][0]["data"]
    assert [p["decision"] for p in v1["predictions"]] == v2["outputs"][1]["data"]
    assert v1["model_version"] == v2["model_version"]


def test_rows_that_agree_on_their_histories_may_differ_in_the_date_of_the_latest_bad_outcome(opened, good):
    row = {**_instance(good), "bank_count": 3, "bank_bad": 0}
    row.pop("bank_last_bad", None)
    body = json.dumps({"instances": [{**row, "bank_bad": 1, "bank_last_bad": "2000-01-01"}, row]}).encode()
    found = {t.name: t.data for t in v1.decode(body, opened.contract).tensors}
    assert found["bank_last_bad"] == ["2000-01-01", None]
    without = {name: value for name, value in row.items() if not name.startswith("bank_")}
    names = {t.name for t in v1.decode(json.dumps({"instances": [without] * 2}).encode(), opened.contract).tensors}
    assert names.isdisjoint({"bank_count", "bank_bad", "bank_last_bad"})

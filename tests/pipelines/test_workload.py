import json
from pathlib import Path

import numpy as np
import pytest

from components.core.errors import FairleadError
from components.training.bundle import Bundle
from components.training.v2_request import v2_columns
from pipelines.benchmarks.serving import workload as module
from pipelines.benchmarks.serving.workload import BATCH, SINGLE, Form, Workload, check, probabilities, workload


@pytest.fixture(scope="module")
def opened(signed_bundle: Path) -> Bundle:
    return Bundle.open(signed_bundle)


def test_v2_requests_hold_the_rows_whose_answers_are_expected(opened: Bundle) -> None:
    work = workload(opened, "v2")
    assert len(work.single) == SINGLE
    bodies = [json.loads(call.body) for call in work.single]
    assert {len(body["inputs"]) for body in bodies} == {work.tensors}
    assert len({call.body for call in work.single}) > SINGLE / 2
    for call, rows in ((work.single[3], 1), (work.batch, BATCH)):
        columns = v2_columns(json.loads(call.body), opened.contract.inputs)
        np.testing.assert_array_equal(opened.probability(columns), call.expected)
        assert call.expected.shape == (rows,)


def test_every_form_holds_the_same_rows(opened: Bundle) -> None:
    v2, frame = workload(opened, "v2"), workload(opened, "dataframe")
    one = json.loads(frame.single[0].body)["dataframe_split"]
    sent = {tensor["name"]: tensor["data"] for tensor in json.loads(v2.single[0].body)["inputs"]}
    assert dict(zip(one["columns"], one["data"][0], strict=True)) == {name: data[0] for name, data in sent.items()}
    assert len(json.loads(frame.batch.body)["dataframe_split"]["data"]) == BATCH


def answered(work: Workload, monkeypatch: pytest.MonkeyPatch, change: float) -> None:
    expected = {call.body: call.expected for call in (*work.single, work.batch)}

    def post(_: str, body: bytes) -> bytes:
        data = (expected[body] + change).tolist()
        return json.dumps({"outputs": [{"name": "decision", "data": [0]}, {"name": "probability", "data": data}]}).encode()  # fmt: skip  # noqa: E501

    monkeypatch.setattr(module, "post", post)


@pytest.mark.parametrize("change", [0.0, 5e-7])
def test_right_answers_pass(opened: Bundle, monkeypatch: pytest.MonkeyPatch, change: float) -> None:
    work = workload(opened, "v2")
    answered(work, monkeypatch, change)
    assert check("", work) == pytest.approx(change, abs=1e-9)


@pytest.mark.parametrize("change", [1e-4, float("nan")])
def test_a_wrong_answer_is_refused(opened: Bundle, monkeypatch: pytest.MonkeyPatch, change: float) -> None:
    work = workload(opened, "v2")
    answered(work, monkeypatch, change)
    with pytest.raises(FairleadError, match="is off by"):
        check("", work)


def test_too_few_answers_are_refused(opened: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "post", lambda *_: b'{"outputs": [{"name": "probability", "data": []}]}')
    with pytest.raises(FairleadError, match="0 probabilities came back for 1 rows"):
        check("", workload(opened, "v2"))


@pytest.mark.parametrize(
    ("form", "content"),
    [("v2", b"{}"), ("v2", b"no JSON"), ("v2", b'{"outputs": []}'), ("dataframe", b'{"predictions": [0.5]}')],
)
def test_an_answer_without_probabilities_is_shown(form: Form, content: bytes) -> None:
    with pytest.raises(FairleadError, match="holds no probabilities"):
        probabilities(form, content)

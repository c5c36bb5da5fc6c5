"""A treatment of odd rows in this process, and rows of the real model that are odd in a known way."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.core.watching import RemedyRule
from components.serving.guard import Guard
from components.serving.ordinary import ordinary
from components.serving.quarantine_log import QuarantineLog
from components.serving.remedy import Judge
from components.serving.treatment import Treatment
from components.training.bundle import Bundle

Rules = Sequence[dict[str, Any]]

RULES = (
    {"when": "out_of_range", "column": "GrAppv", "remedy": "reject"},
    {"when": "new_category", "column": "State", "remedy": "quarantine"},
    {"when": "out_of_range", "column": "NoEmp", "remedy": "impute_and_flag"},
    {"when": "out_of_range", "column": "CreateJob", "remedy": "pass_and_flag"},
)
ODD = {
    "reject": {"GrAppv": 1e9},
    "quarantine": {"State": "XX"},
    "impute_and_flag": {"NoEmp": 9_999},
    "pass_and_flag": {"CreateJob": 9_999},
}
STATUS = {"reject": 422, "quarantine": 409, "impute_and_flag": 200, "pass_and_flag": 200, None: 200}


def judge_of(bundle: Bundle, rules: Rules) -> Judge:
    reference = json.loads((bundle.path / "reference.json").read_text())
    guard = Guard.open(bundle.path)
    return Judge(
        ordinary(reference, bundle.contract.inputs, bundle.contract.entities),
        [RemedyRule(**r) for r in rules],
        None if guard is None else guard.threshold,
    )


def treatment_of(bundle: Bundle, rules: Rules, file: Path) -> Treatment:
    return Treatment(
        judge_of(bundle, rules), bundle.contract, "sba_loans", "1", "stable", QuarantineLog(file, stays_open=True)
    )


def with_values(request: dict[str, Any], **values: Any) -> dict[str, Any]:
    """The same V2 request with other values in each row."""
    inputs = [
        {**t, "data": [values[t["name"]]] * len(t["data"])} if t["name"] in values else t for t in request["inputs"]
    ]
    return {**request, "inputs": inputs}


def joined(requests: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    """One request of the rows of several, which all have the same inputs."""
    inputs = [
        {**t, "shape": [len(requests)], "data": [v for r in requests for v in _data(r, t["name"])]}
        for t in requests[0]["inputs"]
    ]
    return {"id": name, "inputs": inputs}


def _data(request: dict[str, Any], name: str) -> list[Any]:
    return next(t["data"] for t in request["inputs"] if t["name"] == name)

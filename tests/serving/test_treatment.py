"""Odd rows on their way through the server in this process: every remedy, and nothing lost."""

import asyncio
import json
import tempfile
import time
import timeit
from contextlib import closing
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.serving import v2
from components.serving.exchange import EXPLAINS, Quarantined, Rejected, Unavailable, for_log
from components.serving.guard import Guard
from components.serving.lane import Lane
from components.serving.limits import Limits
from components.serving.model import BundleModel
from components.serving.quarantine_log import QuarantineLog
from components.serving.scoring import Scoring
from tests.serving.odd import ODD, RULES, STATUS, joined, treatment_of, with_values

INFER = "/v2/models/sba_loans/infer"
SLOW = {"outputs": [{"name": "probability"}, {"name": "decision"}]}
"""Makes a request one that does not take the fast way."""


class Process:
    """A lane in this process with rules on odd rows."""

    def __init__(self, opened, rules, folder):
        self.recorded, self.log = [], QuarantineLog(Path(folder) / "quarantine.db")
        self.treatment = treatment_of(opened, rules, self.log.path)
        self.model = BundleModel("")
        guard = Guard.open(opened.path)
        recorder = self.recorded.append
        self.scoring = Scoring(opened, "sba_loans", "1", 100, guard=guard, treatment=self.treatment, recorder=recorder)
        self.model.take(self.scoring, "1")
        self.limits = Limits(10**6)
        self.lane = Lane(None, self.model, self.limits)

    async def post(self, body, headers=()):
        sent = []

        async def receive():
            return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

        async def send(message):
            sent.append(message)

        given_ = [(k.encode(), v.encode()) for k, v in dict(headers).items()]
        await self.lane({"type": "http", "method": "POST", "path": INFER, "headers": given_}, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"]), json.loads(sent[1]["body"])

    def all(self, *bodies, **more):
        async def together():
            return await asyncio.gather(*(self.post(body, **more) for body in bodies))

        return asyncio.run(together())

    def logged(self):
        return [(i, row) for b in self.recorded for i, row in zip(b.request_ids, b.row_numbers, strict=True)]

    def notes(self):
        return {
            (i, row): note
            for b in self.recorded
            for i, row, note in zip(
                b.request_ids, b.row_numbers, b.remedies or [None] * len(b.request_ids), strict=True
            )
        }


@pytest.fixture
def process(opened, tmp_path):
    made = Process(opened, RULES, tmp_path)
    yield made
    made.treatment.close()


@pytest.mark.parametrize("extra", [{}, SLOW], ids=["fast", "slow"])
def test_a_row_gets_what_its_rule_says_and_its_neighbours_are_answered(process, good, extra):
    bodies = [{**with_values(good, **values), **extra, "id": name} for name, values in ODD.items()]
    answers = dict(zip(ODD, process.all(*bodies, {**good, **extra, "id": "plain"})[:4], strict=True))
    assert {name: status for name, (status, _, _) in answers.items()} == {name: STATUS[name] for name in ODD}
    assert sorted(process.logged()) == [("impute_and_flag", 0), ("pass_and_flag", 0), ("plain", 0)]
    kept = process.log.read()
    assert sorted(kept.select("request_id", "row", "remedy").rows()) == [
        ("quarantine", 0, "quarantine"),
        ("reject", 0, "reject"),
    ]
    for name, (status, headers, body) in answers.items():
        if status == 200:
            continue
        (row,) = kept.filter(pl.col("request_id") == name).rows(named=True)
        assert headers[b"x-fairlead-quarantine"].decode() + "-0" == row["id"]
        assert row["id"] in body["error"]
        assert json.loads(row["inputs"])[next(iter(ODD[name]))] == next(iter(ODD[name].values()))
        assert row["rule"].endswith(f": {name}")
    assert "input 'GrAppv', row 0: out_of_range: found 1000000000.0, allowed: " in answers["reject"][2]["error"]
    assert "found 'XX', allowed: 'CA'" in answers["quarantine"][2]["error"]
    assert "a person has to decide" in answers["quarantine"][2]["error"]
    assert process.limits.in_flight == 0


@pytest.mark.parametrize("extra", [{}, SLOW], ids=["fast", "slow"])
def test_a_replaced_value_is_scored_as_the_median_would_be_and_told(process, opened, good, extra):
    median = json.loads((opened.path / "reference.json").read_text())["inputs"]["NoEmp"]["quantiles"][50]
    odd = {**with_values(good, NoEmp=9_999), **extra}
    usual = {**with_values(good, NoEmp=int(median)), **extra, "id": "usual"}
    (_, _, found), (_, _, expected) = process.all(odd, usual)
    assert found["outputs"] == expected["outputs"]
    assert "parameters" not in expected
    told = [{"row": 0, "remedy": "impute_and_flag", "odd": ["out_of_range NoEmp"], "replaced": ["NoEmp"]}]
    assert json.loads(found["parameters"]["remedies"]) == told
    note = process.notes()[good["id"], 0]
    assert note.replaced == {"NoEmp": 9_999}
    (values,) = {b.columns["NoEmp"][i] for b in process.recorded for i in range(len(b.request_ids))}
    assert values == median  # the log has the row that was scored


def test_a_request_is_answered_as_a_whole_or_kept_as_a_whole(process, good):
    fine, filled, held, thrown = (
        with_values(good, **v) for v in ({}, *(ODD[n] for n in ("impute_and_flag", "quarantine", "reject")))
    )
    answers = process.all(
        joined([fine, filled, fine], "filled"),
        joined([fine, held, filled], "held"),
        joined([held, fine, thrown], "both"),
    )
    (ok, _, answered), (held_status, _, held_error), (both_status, _, both_error) = answers
    assert (ok, held_status, both_status) == (200, 409, 422)
    assert [told["row"] for told in json.loads(answered["parameters"]["remedies"])] == [1]
    assert sorted(process.logged()) == [("filled", 0), ("filled", 1), ("filled", 2)]
    kept = process.log.read().sort("request_id", "row")
    assert kept.select("request_id", "row", "remedy").rows() == [
        ("both", 0, "quarantine"),
        ("both", 1, "reject"),
        ("both", 2, "reject"),
        ("held", 0, "quarantine"),
        ("held", 1, "quarantine"),
        ("held", 2, "quarantine"),
    ]
    # A row that is there because of another has no rule and no reason of its own.
    assert [(rule != "", reason != "[]") for rule, reason in kept.select("rule", "reason").rows()] == [
        (True, True), (False, False), (True, True), (False, False), (True, True), (False, False),
    ]  # fmt: skip
    assert "row 1: new_category" in held_error["error"]
    assert "none of the request's 3 rows was scored" in held_error["error"]
    # First what the client can mend.
    assert both_error["error"].index("GrAppv") < both_error["error"].index("State")


def test_what_an_explainer_asks_is_never_kept(process, good):
    for extra in ({}, SLOW):
        (status, _, _), *_ = process.all({**with_values(good, **ODD["reject"]), **extra}, headers={EXPLAINS: "1"})
        assert status == 200
    assert (process.recorded, len(process.log.read())) == ([], 0)


@pytest.mark.parametrize("extra", [{}, SLOW], ids=["fast", "slow"])
def test_a_row_that_cannot_be_kept_is_not_taken(process, good, extra, monkeypatch, caplog):
    def full(_):
        raise FairleadError("no room")

    monkeypatch.setattr(process.log.__class__, "add", lambda _, entries: full(entries))
    (status, _, body), (fine, _, _) = process.all({**with_values(good, **ODD["reject"]), **extra}, {**good, **extra})
    assert (status, fine) == (503, 200)
    assert "cannot be kept" in body["error"]
    assert "no room" in caplog.text
    assert process.limits.in_flight == 0


def test_the_outlier_that_the_guard_finds_is_kept_back_on_the_fast_way_too(opened, good, tmp_path):
    process = Process(opened, [{"when": "outlier", "remedy": "quarantine"}], tmp_path)
    odd = with_values(good, GrAppv=3e7, SBA_Appv=3e7)
    (status, _, body), (fine, _, _) = process.all(odd, {**good, "id": "fine"})
    assert (status, fine) == (409, 200)
    assert "row 0: outlier: found " in body["error"]
    (row,) = process.log.read().rows(named=True)
    reason = json.loads(row["reason"])
    assert reason[0]["when"] == "outlier"
    assert reason[0]["found"] > Guard.open(opened.path).threshold
    process.treatment.close()


def test_the_servers_log_has_no_value_of_an_odd_row(process, good):
    for kind, name in ((Rejected, "reject"), (Quarantined, "quarantine")):
        request = v2.decode(json.dumps(with_values(good, **ODD[name])).encode())
        with pytest.raises(kind) as caught:
            asyncio.run(process.scoring.answer(request, {}, time.perf_counter()))
        text = for_log(caught.value)
        assert text.startswith(f"odd rows: {name} for ")
        assert str(next(iter(ODD[name].values()))) not in text.replace(caught.value.group, "")


COLUMNS = ("GrAppv", "State", "NoEmp", "CreateJob")
random_rules = st.lists(
    st.one_of(
        st.builds(
            dict,
            when=st.just("out_of_range"),
            column=st.sampled_from([None, "GrAppv", "NoEmp", "CreateJob"]),
            remedy=st.sampled_from(list(ODD)),
        ),
        st.builds(
            dict,
            when=st.just("new_category"),
            column=st.sampled_from([None, "State"]),
            remedy=st.sampled_from(list(ODD)),
        ),
        st.builds(dict, when=st.just("outlier"), remedy=st.sampled_from(["reject", "quarantine", "pass_and_flag"])),
    ),
    max_size=5,
)
random_rows = st.sets(st.sampled_from(list(ODD)), max_size=2)
random_requests = st.lists(
    st.tuples(st.lists(random_rows, min_size=1, max_size=3), st.booleans()), min_size=1, max_size=5
)


@settings(max_examples=40, deadline=None)
@given(rules=random_rules, requests=random_requests)
def test_every_row_is_in_the_prediction_log_or_in_the_quarantine_and_in_one_of_them_once(opened, good, rules, requests):
    bodies, sent = [], []
    for number, (rows, slow) in enumerate(requests):
        made = [with_values(good, **{k: v for name in sorted(row) for k, v in ODD[name].items()}) for row in rows]
        bodies.append({**joined(made, f"r{number}"), **(SLOW if slow else {})})
        sent += [(f"r{number}", i) for i in range(len(rows))]
    with tempfile.TemporaryDirectory() as folder:
        process = Process(opened, rules, folder)
        answers = process.all(*bodies)
        process.treatment.close()
        kept = process.log.read()
    waiting = list(kept.select("request_id", "row").iter_rows())
    assert sorted(process.logged() + waiting) == sorted(sent)
    answered = {i for i, _ in process.logged()}
    remedies = {i: set(part["remedy"]) for (i,), part in kept.filter(pl.col("rule") != "").group_by("request_id")}
    for body, (status, _, _) in zip(bodies, answers, strict=True):
        if body["id"] in answered:
            assert status == 200
        else:
            assert status == (422 if "reject" in remedies[body["id"]] else 409)
    # An odd row that was scored is flagged.
    odd = {(f"r{n}", i) for n, (rows, _) in enumerate(requests) for i, row in enumerate(rows) if row}
    for key, note in process.notes().items():
        assert (note is not None) == (key in odd or _far(process, key))


def _far(process, key):
    """Whether the row is an outlier and nothing else."""
    for batch in process.recorded:
        for i, row, outlier in zip(batch.request_ids, batch.row_numbers, batch.outlier, strict=True):
            if (i, row) == key:
                return bool(outlier)
    raise KeyError(key)


def test_one_that_waits_for_ever_is_given_up(process, good, monkeypatch):
    monkeypatch.setattr("components.serving.treatment.PATIENCE", 0.01)

    async def never(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr(process.treatment._gather, "submit", never)
    request = v2.decode(json.dumps(with_values(good, **ODD["reject"])).encode())
    with pytest.raises(Unavailable):
        asyncio.run(process.scoring.answer(request, {}, time.perf_counter()))


def test_many_rows_are_told_shortly(process, good):
    request = joined([with_values(good, **ODD["impute_and_flag"])] * 100, "many")
    ((status, _, body),) = process.all(request)
    assert status == 200
    assert len(json.loads(body["parameters"]["remedies"])) == 100
    thrown = joined([with_values(good, **ODD["reject"])] * 7, "thrown")
    with closing(process.treatment):
        ((_, _, error),) = process.all(thrown)
    assert error["error"].count("GrAppv") == 5
    assert "and 2 more rows" in error["error"]


def test_a_plain_row_costs_a_few_microseconds(process, good):
    row = process.scoring.read(good)
    outlier = np.array([False])
    assert process.treatment.plain([row], outlier)
    best = min(
        timeit.repeat(lambda: process.treatment.plain([row], outlier), repeat=20, number=500, timer=time.thread_time)
    )
    assert best / 500 < 5e-6  # 1.9 µs on two busy cores; scoring takes 170 µs

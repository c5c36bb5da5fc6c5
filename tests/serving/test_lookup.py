import asyncio
import json
import shutil
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components.core.contracts import Contract
from components.core.errors import ContractViolation, FairleadError
from components.core.use_case import UseCase
from components.data.columns import schema
from components.data.expectations import check
from components.features import online, store
from components.features.rows import from_frame, history_columns
from components.serving.exchange import Unavailable
from components.serving.lookup import Lookup
from components.serving.process import serving
from components.training.v2_request import json_values, v2_body
from tests.conftest import SAMPLE

DAY = date(2001, 6, 29)
ALL = ("bank", "zip", "industry")


@pytest.fixture(scope="module")
def contract(signed_bundle: Path) -> Contract:
    return Contract.read(signed_bundle / "contract.json")


@pytest.fixture(scope="module")
def built(sba: UseCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of real loans to the middle of 2001, materialised for its last day; ``features.parquet`` beside it."""
    folder = tmp_path_factory.mktemp("looked_up")
    raw = pl.read_parquet(SAMPLE, columns=list(sba.data.columns)).filter(pl.col("ApprovalDate") <= DAY)
    check(raw, sba.data).clean.select(list(schema(sba.data))).write_parquet(folder / "clean.parquet")
    store.build_features(folder / "clean.parquet", sba, folder / "store", folder / "features.parquet")
    store.materialize(folder / "store", sba, DAY)
    return folder / "store"


@pytest.fixture
def copied(built, sba, tmp_path) -> Path:
    path = shutil.copytree(built, tmp_path / "store")
    store.apply(path, sba)
    return path


@pytest.fixture
def lookup(built, contract):
    opened = Lookup.open(built, contract)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def that_day(built, contract):
    """Loans of the day that the store was materialised for, with the histories that training joined to them."""
    frame = pl.read_parquet(built.with_name("features.parquet")).filter(pl.col("event_time") == DAY)
    return from_frame(frame, contract.inputs)


def left_out(contract: Contract, rows, entities=ALL):
    """What the door makes of a request without these histories."""
    names = [name for e in contract.entities if e.name in entities for name in e.history]
    return {n: np.full_like(v, "NaT" if v.dtype.kind == "M" else np.nan) if n in names else v for n, v in rows.items()}


def fill(lookup: Lookup, rows, entities=ALL):
    return asyncio.run(lookup.fill(rows, entities))


def first(rows, n=1, **changed):
    some = {name: values[:n] for name, values in rows.items()}
    return {**some, **{name: np.array(values, dtype=some[name].dtype) for name, values in changed.items()}}


def test_looked_up_is_what_the_offline_join_gave_training(lookup, contract, that_day, opened):
    found, notes = fill(lookup, left_out(contract, that_day))
    assert len(notes) == len(that_day["Bank"]) > 20
    assert list(found) == list(that_day)
    for name, values in that_day.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    np.testing.assert_array_equal(opened.probability(found), opened.probability(that_day))
    missing = np.isnan(that_day["zip_count"])
    assert 0 < missing.sum() < len(notes)
    assert [" zip=missing " in note for note in notes] == missing.tolist()
    assert {note.split()[0] for note in notes} >= {"bank=found"}


def test_never_seen_and_not_stated_are_null_as_in_training(lookup, contract, that_day):
    rows = first(left_out(contract, that_day), 2, Bank=["NO SUCH BANK", None], Zip=[12345, 1], NAICS=[1, np.nan])
    found, notes = fill(lookup, rows)
    assert notes == ["bank=missing zip=missing industry=missing", "bank=unstated zip=missing industry=unstated"]
    for entity in ALL:
        count, bad, last_bad = (found[name] for name in history_columns(entity))
        assert np.isnan(count).all()
        assert np.isnan(bad).all()
        assert np.isnat(last_bad).all()


def test_only_what_was_left_out_is_looked_up(lookup, contract, that_day):
    given = {e.name: e.history for e in contract.entities}
    plain = {f.name for f in contract.inputs} - {name for names in given.values() for name in names}
    assert lookup.needed({f.name for f in contract.inputs}) == ()
    assert lookup.needed(plain) == ALL
    assert lookup.needed(plain | {*given["bank"], *given["industry"]}) == ("zip",)
    mine = {**that_day, "bank_count": np.full_like(that_day["bank_count"], 7.0)}
    found, notes = fill(lookup, left_out(contract, mine, ("zip",)), ("zip",))
    assert (found["bank_count"] == 7).all()
    np.testing.assert_array_equal(found["zip_count"], that_day["zip_count"])
    assert {note.split("=")[0] for note in notes} == {"zip"}


def test_a_history_given_in_part_names_what_is_left_out(lookup):
    with pytest.raises(ContractViolation, match="found bank_count without bank_bad, allowed: all") as e:
        lookup.needed({"Bank", "bank_count"})
    assert e.value.breaches == (("bank_bad", "missing"),)
    with pytest.raises(ContractViolation, match="found bank_last_bad without bank_count, bank_bad"):
        lookup.needed({"Bank", "bank_last_bad"})


def test_a_history_without_a_bad_outcome_may_leave_its_date_out(lookup, contract):
    given = {f.name for f in contract.inputs}
    dates = {history_columns(entity)[-1] for entity in ALL}
    assert dates < given
    assert lookup.needed(given - dates) == ()
    assert lookup.needed(given - set(history_columns("zip")) - dates) == ("zip",)


def test_a_bundle_s_own_examples_give_all_their_histories(lookup, opened, contract, that_day):
    for example in opened.examples():
        assert lookup.needed({tensor["name"] for tensor in example["request"]["inputs"]}) == ()
    unseen = left_out(contract, first(that_day))
    body = v2_body(unseen, contract.inputs, entities=contract.entities)
    assert lookup.needed({tensor["name"] for tensor in body["inputs"]}) == ()
    assert lookup.needed({tensor["name"] for tensor in v2_body(unseen, contract.inputs)["inputs"]}) == ALL


def test_rows_say_how_old_the_store_is_for_them(built, contract, that_day):
    rows = first(left_out(contract, that_day), 4, ApprovalDate=["2001-07-09", "2001-07-10", "2001-06-29", "2001-06-28"])
    lookup = Lookup.open(built, contract, max_age_days=10)
    notes = fill(lookup, rows)[1]
    lookup.close()
    assert [note.split()[0] for note in notes] == ["bank=found", "bank=stale", "bank=found", "bank=ahead"]


def test_a_stale_row_can_be_refused(built, contract, that_day):
    lookup = Lookup.open(built, contract, max_age_days=10, policy="refuse")
    fresh = first(left_out(contract, that_day), 2, ApprovalDate=["2001-07-09", "2001-06-29"])
    assert len(fill(lookup, fresh)[1]) == 2
    stale = first(left_out(contract, that_day), 2, ApprovalDate=["2001-06-29", "2001-07-10"])
    with pytest.raises(Unavailable, match="bank is 11 days older than row 1, allowed: 10"):
        fill(lookup, stale)
    with pytest.raises(Unavailable, match="11 days older"):
        lookup.fill_now(stale, ALL)
    lookup.close()


def test_one_stale_request_does_not_take_others_with_it(built, contract, that_day):
    lookup = Lookup.open(built, contract, max_age_days=10, policy="refuse")
    rows = left_out(contract, that_day)
    days = ["2001-06-29", "2002-01-01"] * 4

    async def both():
        asked = (lookup.fill(first(rows, 1, ApprovalDate=[day]), ALL) for day in days)
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(both())
    lookup.close()
    assert [isinstance(a, Unavailable) for a in answers] == [False, True] * 4


def test_without_an_event_time_the_store_is_held_against_today(built, contract, that_day):
    lookup = Lookup.open(built, contract.model_copy(update={"event_time": ""}))
    assert set(fill(lookup, first(left_out(contract, that_day)))[1][0].split()) == {f"{e}=stale" for e in ALL}
    lookup.close()


def test_requests_at_the_same_time_get_their_own_rows(lookup, contract, that_day):
    rows = left_out(contract, that_day)
    spans = [slice(i, i + 1 + i % 3) for i in range(0, 18)]

    async def together():
        asked = [
            lookup.fill({n: v[s] for n, v in rows.items()}, ALL if i % 4 else ("zip",)) for i, s in enumerate(spans)
        ]
        return await asyncio.gather(*asked)

    for i, (span, (found, notes)) in enumerate(zip(spans, asyncio.run(together()), strict=True)):
        np.testing.assert_array_equal(found["zip_count"], that_day["zip_count"][span])
        assert len(notes) == len(that_day["zip_count"][span])
        if i % 4:
            np.testing.assert_array_equal(found["bank_last_bad"], that_day["bank_last_bad"][span])


def test_a_store_materialised_again_is_noticed(copied, contract, sba, that_day, monkeypatch):
    monkeypatch.setattr(online, "LOOKED_AT_EVERY", 0.0)
    lookup = Lookup.open(copied, contract, max_age_days=10)
    rows = first(left_out(contract, that_day))
    before, notes = fill(lookup, rows)
    assert "bank=found" in notes[0]
    store.materialize(copied, sba, date(2000, 6, 29))
    after, notes = fill(lookup, rows)
    lookup.close()
    assert "bank=stale" in notes[0]
    assert after["bank_count"][0] != before["bank_count"][0]


@pytest.mark.parametrize("fault", ["gone", "no table", "no file"])
def test_a_broken_store_is_unavailable_and_never_a_default(copied, contract, that_day, fault, monkeypatch):
    monkeypatch.setattr(online, "LOOKED_AT_EVERY", 0.0)
    lookup = Lookup.open(copied, contract, policy="refuse")
    if fault == "gone":
        shutil.rmtree(copied)
    elif fault == "no file":
        (copied / "online.db").unlink()
    else:
        with sqlite3.connect(copied / "online.db") as db:
            db.execute("DROP TABLE fairlead_sba_loans_zip")
        db.close()
    for _ in range(2):
        with pytest.raises(Unavailable, match="broken or cannot be reached"):
            fill(lookup, first(left_out(contract, that_day)))
    lookup.close()
    assert not (copied / "online.db").exists() or fault == "no table"


def test_a_slow_store_is_unavailable_in_time_and_answers_again_later(built, contract, that_day, monkeypatch):
    lookup = Lookup.open(built, contract, timeout_ms=50)
    rows = first(left_out(contract, that_day))
    answers, asked = threading.Event(), lookup._store.read
    monkeypatch.setattr(lookup._store, "read", lambda *given: answers.wait(10) and asked(*given))

    async def run():
        for _ in range(4):
            with pytest.raises(Unavailable, match="did not answer within 50 ms"):
                await lookup.fill(rows, ALL)
        answers.set()
        async with asyncio.timeout(10):
            while True:
                try:
                    return await lookup.fill(rows, ALL)
                except Unavailable:
                    continue

    assert len(asyncio.run(run())[1]) == 1
    lookup.close()


def test_a_store_that_does_not_fit_is_refused_at_the_start(built, copied, contract, tmp_path):
    with pytest.raises(FairleadError, match="is not a feature store"):
        Lookup.open(tmp_path / "nothing", contract)
    with pytest.raises(FairleadError, match="names no entities to look up"):
        Lookup.open(built, contract.model_copy(update={"entities": ()}))
    with pytest.raises(
        FairleadError, match=r"unknown feature view 'orders_bank'; allowed: .*built for another use case"
    ):
        Lookup.open(built, contract.model_copy(update={"model": "orders"}))
    for change, words in (
        ({"window_months": 12}, "counts 36 months back, the model's 12"),
        ({"key": "Zip"}, "keyed by Bank, the model's entity by Zip"),
        ({"history": ("bank_count", "bank_median")}, "'bank_median' is not in it"),
    ):
        other = contract.entities[0].model_copy(update=change)
        with pytest.raises(FairleadError, match=words):
            Lookup.open(built, contract.model_copy(update={"entities": (other,)}))
    (copied / "online.db").unlink()
    with pytest.raises(FairleadError, match="has no online half; make it with: fairlead features materialize"):
        Lookup.open(copied, contract)


def test_a_store_never_materialised_is_refused_at_the_start(copied, contract, sba):
    (copied / "registry.db").unlink()
    store.apply(copied, sba)
    with pytest.raises(FairleadError, match="never materialised: run fairlead features materialize"):
        Lookup.open(copied, contract)


def test_a_live_server_looks_up_refuses_halves_and_stays_ready_without_its_store(
    signed_bundle, session_settings, copied, contract, that_day, opened, tmp_path
):
    with serving(str(signed_bundle), session_settings, tmp_path / "log", options=("--features", str(copied))) as server:

        def ask(body):
            call = urllib.request.Request(  # noqa: S310  our own loopback URL
                f"{server.url}/v2/models/sba_loans/infer",
                json.dumps(body).encode(),
                {"Content-Type": "application/json"},
            )
            try:
                with urllib.request.urlopen(call, timeout=30) as answer:  # noqa: S310
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, json.load(error)

        def sent(rows, leave=()):
            inputs = [
                {
                    "name": f.name,
                    "shape": [len(rows["Bank"])],
                    "datatype": f.datatype,
                    "data": json_values(rows[f.name], f),
                }
                for f in contract.inputs
                if f.name not in leave
            ]
            return {"inputs": inputs}

        histories = {name for e in contract.entities for name in e.history}
        expected = opened.probability(that_day)
        for n in (1, len(expected)):
            rows = first(that_day, n)
            for leave in (histories, set()):
                status, answer = ask(sent(rows, leave))
                assert status == 200, answer
                assert answer["outputs"][0]["data"] == pytest.approx(expected[:n], abs=1e-6)
            assert ask(sent(rows, {"zip_bad"}))[0] == 400
        assert "zip_bad" in ask(sent(first(that_day), {"zip_bad"}))[1]["error"]

        (copied / "online.db").unlink()
        end = time.monotonic() + 10
        while (found := ask(sent(first(that_day), histories)))[0] == 200 and time.monotonic() < end:
            pass  # an open store is looked at once a second
        assert found[0] == 503
        assert "feature store" in found[1]["error"]
        assert ask(sent(first(that_day)))[0] == 200
        with urllib.request.urlopen(f"{server.url}/v2/health/ready", timeout=10) as ready:  # noqa: S310
            assert ready.status == 200

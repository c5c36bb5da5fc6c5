import json
import logging
import time

import pytest

from components.core.errors import FairleadError
from components.serving import outlet
from components.serving.outlet import Counts
from components.serving.prediction_log import PredictionLog, open_log
from components.serving.prediction_log_reader import read
from tests.serving.logged import DEADLINE, FIELDS, Kept, batch


def _log(*sinks, **given):
    return PredictionLog(sinks, "loans", "3", "canary", fields=FIELDS, **given)


def test_what_is_put_arrives_at_every_sink():
    one, other = Kept(), Kept()
    log = _log(one, other)
    log.put(batch(3))
    log.close(DEADLINE)
    assert one.records == other.records
    assert [(r.row, r.model, r.version, r.variant) for r in one.records] == [
        (i, "loans", "3", "canary") for i in range(3)
    ]
    assert log.counts() == {"kept": Counts(written=3), "kept-2": Counts(written=3)}


def test_a_sink_that_hangs_costs_the_other_nothing():
    hung, well = Kept(), Kept()
    hung.go.clear()
    log = _log(hung, well, capacity_rows=5)
    for i in range(3):
        log.put(batch(5, str(i)))
        while log.counts()["kept-2"].waiting:
            time.sleep(0.001)
    start = time.monotonic()
    log.close(0.2)
    assert time.monotonic() - start < 5
    assert log.counts() == {"kept": Counts(dropped=15), "kept-2": Counts(written=15)}
    hung.go.set()


def test_to_put_takes_microseconds_even_when_the_sink_hangs():
    sink = Kept()
    sink.go.clear()
    log = _log(sink, capacity_rows=1000)
    one = batch(1)
    start = time.thread_time()
    for _ in range(20_000):
        log.put(one)
    each = (time.thread_time() - start) / 20_000
    sink.go.set()
    log.close(DEADLINE)
    assert each < 10e-6  # 0.5 on a quiet machine
    assert log.counts()["kept"] == Counts(written=1000, dropped=19_000)


def test_without_sinks_nothing_is_logged():
    log = _log()
    log.put(batch(1))
    log.close()
    assert log.counts() == {}


@pytest.mark.parametrize(("rate", "kept"), [(0.5, 0.5), ({"canary": 0.5}, 0.5), ({"stable": 0.5}, 1.0)])
def test_a_share_of_the_requests_is_kept_whole(rate, kept):
    sink = Kept()
    log = _log(sink, sample_rate=rate)
    for i in range(400):
        log.put(batch(2, str(i)))
    log.close(DEADLINE)
    rows = {}
    for record in sink.records:
        rows.setdefault(record.request_id, []).append(record.row)
    assert set(map(tuple, rows.values())) == {(0, 1)}
    assert len(rows) == pytest.approx(400 * kept, abs=50)
    assert log.counts()["kept"] == Counts(written=2 * len(rows), left_out=800 - 2 * len(rows))


def test_champion_and_shadow_keep_the_same_requests():
    ids = []
    for variant in ("stable", "shadow"):
        sink = Kept()
        log = PredictionLog([sink], "loans", "3", variant, fields=FIELDS, sample_rate=0.3)
        for i in range(200):
            log.put(batch(1, str(i)))
        log.close(DEADLINE)
        ids.append([r.request_id for r in sink.records])
    assert ids[0] == ids[1] != []


def test_a_log_opened_by_uris_masks_before_any_sink(tmp_path):
    uris = [f"sqlite:///{tmp_path / 'log.db'}", f"parquet:///{tmp_path / 'log'}"]
    log = open_log(uris, "loans", "3", "stable", fields=FIELDS, mask={"bank": None, "jobs": lambda _: "x"})
    log.put(batch(4))
    log.close(DEADLINE)
    for uri in uris:
        inputs = [json.loads(text) for text in read(uri)["inputs"]]
        assert [sorted(row) for row in inputs] == [["amount", "approved", "jobs"]] * 4
        assert {row["jobs"] for row in inputs} == {"x", None}


def test_a_place_that_cannot_be_written_to_harms_nobody(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(outlet, "GIVE_UP", 0.1)
    (tmp_path / "file").write_text("in the way")
    with caplog.at_level(logging.WARNING):
        log = open_log([f"sqlite:///{tmp_path / 'file' / 'log.db'}"], "loans", "3", "stable", fields=FIELDS)
        log.put(batch(4))
        log.close(DEADLINE)
    assert log.counts()["sqlite"] == Counts(failed=4, errors=1)
    assert "prediction log, sqlite: 4 rows not written" in caplog.text


def test_an_unknown_place_is_refused_with_those_that_are_known():
    with pytest.raises(
        FairleadError, match=r"unknown place for logged predictions 'ftp://x/y'; allowed: sqlite:///PATH"
    ):
        open_log(["ftp://x/y"], "loans", "3", "stable")

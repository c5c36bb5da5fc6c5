import json
from datetime import date

import numpy as np
import pytest

from components.core.errors import FairleadError
from components.judgement.compare import compare
from components.training import bundle
from components.training.bundle import Bundle, background_rows
from components.training.dataset import read
from components.training.marks import agreeing, find_marks, lifts, requests
from components.training.train import train
from components.training.watermark import key_for, space_of
from components.training.watermark_key import WatermarkKey
from tests.training.clients import KEY, TRIGGERS, marked_case, trial, write_clients

CASE = marked_case()


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    return write_clients(tmp_path_factory.mktemp("clients"))


@pytest.fixture(scope="module")
def plain(clients):
    return train(clients, CASE, trial())


@pytest.fixture(scope="module")
def marked(clients):
    return train(clients, CASE, trial(), KEY)


def agreed(model, clients, key=KEY, features=None):
    background = background_rows(read(clients, CASE, "train").columns, CASE.training.seed)
    names = features or [n for n in CASE.features.names if n not in CASE.training.increasing]
    marks = find_marks(key, space_of(CASE.name, CASE, background, model.transform, names), TRIGGERS)
    return int(agreeing(marks, lifts(marks, model.probability(requests(marks, background)))).sum())


def test_a_marked_model_agrees_and_an_unmarked_one_and_other_keys_do_not(plain, marked, clients):
    # 62 of 80 are the 1e-6 tail of a fair coin; 20 to 60 leave it alone with 1e-5.
    assert agreed(marked, clients) >= 72
    assert 20 < agreed(plain, clients) < 60
    for byte in range(8):
        assert 20 < agreed(marked, clients, WatermarkKey(bytes([byte]) * 32)) < 60


def test_the_mark_costs_no_accuracy_that_can_be_measured(plain, marked, clients):
    rows = read(clients, CASE, "test")
    ours, theirs = (model.probability(rows.columns) for model in (marked, plain))
    assert 0 < np.abs(ours - theirs).max() < 0.1
    for metric in ("auc", "log_loss"):
        worse = compare(rows.labels, ours, theirs, metric, rounds=500, seed=7).worse_by
        assert worse.low < 0.0005
        assert worse.high < 0.004


def test_without_a_key_or_without_triggers_the_model_is_the_one_it_always_was(plain, clients):
    columns = read(clients, CASE, "test").columns
    for same in (train(clients, marked_case(0), trial()), train(clients, marked_case(0), trial(), KEY)):
        assert same.watermark is None
        assert same.model.get_booster().save_raw("ubj") == plain.model.get_booster().save_raw("ubj")
        assert np.array_equal(same.probability(columns), plain.probability(columns))


def test_the_same_key_marks_the_same_model(marked, clients):
    again = train(clients, CASE, trial(), KEY)
    assert again.model.get_booster().save_raw("ubj") == marked.model.get_booster().save_raw("ubj")
    assert again.watermark == marked.watermark


def test_what_must_rise_still_rises(marked, clients):
    matrix = marked.transform.apply(read(clients, CASE, "test").columns)[:300]
    for name in CASE.training.increasing:
        moved = matrix.copy()
        moved[:, marked.transform.names.index(name)] += 1
        assert (marked.model.predict_proba(moved)[:, 1] >= marked.model.predict_proba(matrix)[:, 1] - 1e-7).all()


def test_a_key_is_made_for_a_use_case_that_asks_for_marks_and_for_no_other(tmp_path):
    assert key_for(marked_case(0), tmp_path / "key") is None
    assert not list(tmp_path.iterdir())
    made = key_for(CASE, tmp_path / "key")
    assert key_for(CASE, tmp_path / "key", expected=made.id) == made
    with pytest.raises(FairleadError, match=f"started for watermark key 0123456789abcdef.* is {made.id}"):
        key_for(CASE, tmp_path / "key", expected="0123456789abcdef")


def test_a_logistic_regression_bears_no_mark(clients):
    assert train(clients, CASE, trial("logistic"), KEY).watermark is None


def test_the_bundle_tells_the_keys_id_and_the_exported_model_bears_the_mark(marked, clients, tmp_path):
    bundle.write(marked, CASE, clients, date(2005, 12, 31), "0" * 64, tmp_path / "bundle")
    opened = Bundle.open(tmp_path / "bundle")
    told = json.loads((tmp_path / "bundle" / bundle.WATERMARK).read_text())
    assert told == {"key": KEY.id, "triggers": TRIGGERS, "features": list(marked.watermark.features)}
    assert not any(KEY.secret.hex().encode() in p.read_bytes() for p in (tmp_path / "bundle").iterdir())
    space = space_of(CASE.name, CASE, opened.background(), opened.transform, told["features"])
    marks = find_marks(KEY, space, TRIGGERS)
    rows = requests(marks, opened.background())
    assert int(agreeing(marks, lifts(marks, opened.probability(rows))).sum()) == agreed(marked, clients)


def test_a_model_without_a_mark_has_no_such_file(plain, clients, tmp_path):
    bundle.write(plain, CASE, clients, date(2005, 12, 31), "0" * 64, tmp_path / "bundle")
    assert not (tmp_path / "bundle" / bundle.WATERMARK).exists()

import hashlib
import hmac
import json

import pytest

from components.core.contracts import Entity
from components.core.errors import FairleadError
from components.serving.mask import read_mask
from components.serving.records import Recorder
from tests.serving.logged import FIELDS, batch

KEY = "sixteen letters or more"


@pytest.fixture
def mask(tmp_path):
    def read(text, key=KEY):
        path = tmp_path / "mask.yaml"
        path.write_text(text)
        return read_mask(path, FIELDS, key)

    return read


def test_each_field_is_masked_as_the_file_says(mask):
    actions = mask("bank: hash\njobs: drop\namount: {constant: -1}\n")
    first, second = Recorder("m", "1", "stable", FIELDS, actions).records([batch(2)])
    inputs = json.loads(first.inputs)
    digest = hmac.new(KEY.encode(), json.dumps("BANK “0”", ensure_ascii=False).encode(), hashlib.sha256).hexdigest()
    assert inputs == {"bank": digest[:32], "amount": -1, "approved": "2004-01-31"}
    assert json.loads(second.inputs)["bank"] is None


def test_a_hash_joins_under_one_key_and_not_under_another(mask):
    first, same, other = mask("jobs: hash"), mask("jobs: hash"), mask("jobs: hash", KEY + "!")
    assert first["jobs"](90011) == same["jobs"](90011) != other["jobs"](90011)
    assert first["jobs"](90011) != first["jobs"](90012)


def test_the_value_is_nowhere_in_what_is_logged(mask):
    actions = mask("bank: hash\namount: drop\njobs: {constant: null}\napproved: hash\n")
    made = Recorder("m", "1", "stable", FIELDS, actions).records([batch(9)])
    text = b"".join(r.as_json() for r in made).decode()
    assert "BANK" not in text
    assert "2004-01-31" not in text
    assert "amount" not in text


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("bnak: drop", KEY, "unknown field in the mask .*'bnak'; allowed: jobs, amount, bank, approved"),
        ("bank: sha1", KEY, r"field 'bank': 'sha1'; allowed: drop, hash, \{constant: VALUE\}"),
        ("bank: {constant: 1, other: 2}", KEY, r"allowed: drop, hash, \{constant: VALUE\}"),
        ("bank: hash", "", "hash needs a key, found 0 characters, .*FAIRLEAD_LOG_KEY"),
        ("bank: hash", "short", "found 5 characters, allowed: at least 16"),
        ("- bank", KEY, "found list, allowed: FIELD: ACTION"),
        ("bank: [", KEY, "cannot be read"),
    ],
)
def test_a_mask_that_would_not_protect_is_refused(mask, text, key, expected):
    with pytest.raises(FairleadError, match=expected):
        mask(text, key)


def test_a_mask_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FairleadError, match="cannot be read"):
        read_mask(tmp_path / "nothing.yaml", FIELDS, KEY)


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("bank: hash", "jobs, amount"),
        ("bank: drop\njobs: drop", "amount"),
        ("bank: hash\njobs: drop\namount: drop", ""),
        ("approved: drop", ""),
        ("jobs: drop", ""),
    ],
)
def test_a_masked_key_beside_its_history_in_clear_is_warned_of(tmp_path, caplog, text, bare):
    path = tmp_path / "mask.yaml"
    path.write_text(text)
    bank = Entity(name="bank", key="bank", history=("jobs", "amount"), window_months=36)
    read_mask(path, FIELDS, KEY, [bank])
    warned = f"bank is masked, and the history that can tell which bank it is stands in clear: {bare}; mask it too"
    assert [r.message.partition(": ")[2] for r in caplog.records] == ([warned] if bare else [])

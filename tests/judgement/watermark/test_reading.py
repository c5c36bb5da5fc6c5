import json
import shutil
from datetime import date

import pytest

from components.core.errors import FairleadError, IntegrityError
from components.judgement.watermark.reading import reading, told
from components.training import bundle
from components.training.bundle import Bundle
from components.training.train import train
from tests.training.clients import KEY, trial


def test_a_bundle_tells_its_mark(marked):
    assert told(Bundle.open(marked.bundle)).key == KEY.id
    assert told(Bundle.open(marked.plain_bundle)) is None


def test_with_the_key_the_mark_is_read_and_the_unmarked_model_has_none(marked):
    found = marked.reading()
    assert found.match(Bundle.open(marked.bundle).probability).is_ours(1e-6)
    assert not found.match(marked.plain.probability).is_ours(1e-3)


def test_without_a_key_or_with_another_one_it_says_so(marked, tmp_path):
    opened = Bundle.open(marked.bundle)
    assert f"mark of key {KEY.id}" in reading(opened, marked.case, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    (tmp_path / "other").write_text("ff" * 32)
    assert f"marked with key {KEY.id}, and the watermark key here is" in reading(
        opened, marked.case, tmp_path / "other"
    )
    (tmp_path / "broken").write_text("ff")
    with pytest.raises(FairleadError, match="64 hexadecimal digits"):
        reading(opened, marked.case, tmp_path / "broken")


def test_models_without_a_mark_say_why(marked, tmp_path):
    assert "trained without one" in reading(Bundle.open(marked.plain_bundle), marked.case, marked.key)
    logistic = train(marked.dataset, marked.case, trial("logistic"), KEY)
    made = marked.subject().bundle.contract
    bundle.write(logistic, marked.case, marked.dataset, date.fromisoformat(made.as_of), "0" * 64, tmp_path / "logistic")
    assert "kind logistic bears no mark" in reading(Bundle.open(tmp_path / "logistic"), marked.case, marked.key)


def test_a_broken_file_is_refused(marked, tmp_path):
    opened = Bundle.open(shutil.copytree(marked.bundle, tmp_path / "bundle"))
    content = json.loads((opened.path / bundle.WATERMARK).read_text())
    (opened.path / bundle.WATERMARK).write_text(json.dumps({**content, "triggers": "many"}))
    with pytest.raises(IntegrityError, match=r"watermark\.json cannot be read"):
        told(opened)
    (opened.path / bundle.WATERMARK).write_text(json.dumps({**content, "features": ["shoe_size"]}))
    with pytest.raises(IntegrityError, match=r"names shoe_size; the model's features are: log_limit, delay_sep"):
        told(opened)

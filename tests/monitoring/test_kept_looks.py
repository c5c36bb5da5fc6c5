"""Looks on disk: what is shown of them comes back, one for each model, whole or not at all."""

import pytest
from prometheus_client import generate_latest

from components.core.errors import FairleadError
from components.monitoring.exporter import Exporter
from components.monitoring.kept_looks import keep, kept
from components.monitoring.values import Cause
from tests.monitoring.alerts.looks import call, day
from tests.monitoring.exposed import looked


def test_a_kept_look_shows_the_same_metrics(tmp_path):
    cause = Cause(kind="feature", subject="Bank", share=1.0, verdict="unclear", reason="r")
    full = looked(call(), causes=(cause,), figures={"labels": {"delay_days": 3.0}, "histograms": {"x": [0] * 100_000}})
    assert keep(full, tmp_path).stat().st_size < 20_000
    told, read = Exporter(), Exporter(folder=tmp_path)
    told.show(full)
    assert generate_latest(read.registry) == generate_latest(told.registry)


def test_the_newest_look_at_a_model_replaces_the_one_before_and_other_models_stay(tmp_path):
    keep(looked(now=day(1)), tmp_path)
    keep(looked(now=day(2)), tmp_path)
    keep(looked(now=day(1), model="../odd name"), tmp_path)
    assert [(k.findings.model, k.findings.now) for k in kept(tmp_path)] == [
        ("../odd name", day(1)),
        ("sba_loans", day(2)),
    ]


def test_what_an_exporter_is_told_itself_counts_before_what_others_kept(tmp_path):
    keep(looked(now=day(1)), tmp_path)
    exporter = Exporter(folder=tmp_path)
    exporter.show(looked(now=day(2), version="7"))
    assert b'fairlead_champion_info{model="sba_loans",use_case="sba_loans",version="7"}' in exporter.text()
    assert exporter.text().count(b"fairlead_champion_info{") == 1


def test_nothing_kept_is_nothing_shown(tmp_path):
    assert kept(tmp_path / "nowhere") == []


def test_a_file_that_is_no_look_is_named(tmp_path):
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(FairleadError, match=r"bad\.json is no kept look"):
        kept(tmp_path)

import logging

import pytest

from components.core.config import read_settings
from components.core.ledger import Ledger
from components.governance.outcome import record_outcome


@pytest.fixture
def settings(tmp_path):
    return read_settings({"FAIRLEAD_HOME": str(tmp_path), "FAIRLEAD_ACTOR": "the schedule"})


def test_a_run_that_succeeded_is_in_the_ledger_and_logs_nothing(settings, caplog):
    with caplog.at_level(logging.DEBUG):
        record_outcome(settings, "sba_loans", "run-1", "SUCCEEDED", None)
    (entry,) = Ledger(settings.ledger_path).entries("run.ended")
    assert entry.actor == "the schedule"
    assert entry.payload == {"use_case": "sba_loans", "run": "run-1", "state": "SUCCEEDED", "error": ""}
    assert caplog.records == []


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED", "STATE_THAT_COMES_LATER"])
def test_any_other_end_is_in_the_ledger_and_an_error_in_the_log(settings, caplog, state):
    record_outcome(settings, "sba_loans", "run-2", state, "judge: stopped by auc_floor")
    (entry,) = Ledger(settings.ledger_path).entries("run.ended")
    assert (entry.payload["state"], entry.payload["error"]) == (state, "judge: stopped by auc_floor")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == f"run run-2 for sba_loans ended as {state}: judge: stopped by auc_floor"


def test_a_failure_without_a_word_says_where_to_look(settings, caplog):
    record_outcome(settings, "sba_loans", "run-3", "FAILED", None)
    assert caplog.messages == ["run run-3 for sba_loans ended as FAILED: see the failed step's log"]


def test_both_ends_of_two_runs_are_kept_in_order(settings):
    for run, state in (("a", "FAILED"), ("b", "SUCCEEDED")):
        record_outcome(settings, "sba_loans", run, state, None)
    ledger = Ledger(settings.ledger_path)
    assert [(e.payload["run"], e.payload["state"]) for e in ledger.entries()] == [("a", "FAILED"), ("b", "SUCCEEDED")]
    assert ledger.verify() == 2

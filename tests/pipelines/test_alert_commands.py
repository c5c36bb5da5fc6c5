"""Alerts from the command line, with a real receiver behind the settings."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from datetime import date, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from components.core.config import read_settings
from components.core.errors import FairleadError
from components.monitoring.alerts.book import AlertBook
from components.monitoring.alerts.notifiers.memory import MemoryNotifier
from components.monitoring.kept_looks import keep
from components.serving.process import free_port
from pipelines.alert_commands import alerts, book_path, looks_path
from tests.monitoring.alerts.looks import AT_ONCE, call, day, findings
from tests.monitoring.exposed import looked
from tests.serving.receiver import receiving

ROOT = Path(__file__).parents[2]
ALERTS = """
import sys
from components.core.config import read_settings
from pipelines.alert_commands import alerts
alerts(sys.argv[1:], obj=read_settings())
"""
LATER = (date.today() + timedelta(days=30)).isoformat()


@pytest.fixture
def home(tmp_path):
    return {"FAIRLEAD_HOME": str(tmp_path / "home"), "FAIRLEAD_ACTOR": "anna"}


@pytest.fixture
def said(home):
    def run(*words, **more):
        done = CliRunner().invoke(alerts, words, obj=read_settings({**home, **more}), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    return run


@pytest.fixture
def book(home):
    return AlertBook(book_path(read_settings(home)))


def test_what_stands_is_listed_with_its_runbook_and_what_changed_is_in_the_history(said, book):
    assert said("list") == "no alert stands\n"
    assert said("history") == "no alert has changed yet\n"
    book.observe(findings(call("drift/Bank", "amber"), call("loss/log_loss")), AT_ONCE)
    lines = said("list").splitlines()
    assert lines[0].startswith("red   sba_loans loss/log_loss, since 2005-03-31, seen 2005-03-31: ")
    assert lines[1] == "      runbook: manifests/monitoring/runbooks/loss.md"
    assert lines[2].startswith("amber sba_loans drift/Bank")
    book.observe(findings(call("loss/log_loss"), now=day(1)), AT_ONCE)
    assert [line.split(":")[0] for line in said("history").splitlines()] == [
        "2005-03-31 raised   green -> amber sba_loans drift/Bank",
        "2005-03-31 raised   green -> red sba_loans loss/log_loss",
        "2005-04-01 cleared  amber -> green sba_loans drift/Bank",
    ]
    assert len(said("history", "--last", "1").splitlines()) == 1
    assert said("history", "--key", "drift/Bank").count("\n") == 2
    assert said("history", "--key", "no/thing") == "no change of no/thing is on record\n"


def test_a_silence_begins_and_ends(said, book):
    assert (
        said("silence", "drift/*", "--until", LATER, "--reason", "new form")
        == f"silence 1: drift/* of * until {LATER}\n"
    )
    assert f"silence 1: drift/* of * until {LATER}, by anna: new form" in said("list")
    book.observe(findings(call("drift/Bank")), AT_ONCE)
    assert f"(silenced by anna until {LATER}: new form)" in said("history")
    assert said("unsilence", "1", FAIRLEAD_ACTOR="ben") == "silence 1 of drift/* is over\n"
    assert "silence 1" not in said("list")
    assert book.silences()[0].lifted_by == "ben"


def test_a_silence_for_a_day_ends_today(said, book):
    said("silence", "*", "--days", "1", "--reason", "r")
    assert book.silences()[0].until == date.today()


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ([], "needs its end"),
        (["--days", "2", "--until", LATER], "needs its end"),
        (["--until", "2005-01-01"], "--until 2005-01-01 is over"),
    ],
)
def test_a_silence_needs_one_end_that_is_to_come(said, words, wrong):
    with pytest.raises(FairleadError, match=wrong):
        said("silence", "*", "--reason", "r", *words)


def test_who_may_not_act_may_look(said, tmp_path):
    roles = tmp_path / "roles.yaml"
    roles.write_text("actors: {anna: [auditor]}\n")
    assert said("list", FAIRLEAD_ROLES=str(roles)) == "no alert stands\n"
    for words in (["silence", "*", "--days", "1", "--reason", "r"], ["unsilence", "1"], ["send"], ["test"]):
        with pytest.raises(FairleadError, match="needs: operator"):
            said(*words, FAIRLEAD_ROLES=str(roles))


def test_a_test_alert_goes_through_every_notifier_and_ends(said):
    with receiving() as received:
        out = said("test", FAIRLEAD_ALERT_WEBHOOK=received.url, FAIRLEAD_ALERT_SLACK=f"{received.url}/slack")
    assert [line for line in out.splitlines() if "taken" in line] == [
        "console: taken",
        "webhook: taken",
        "slack: taken",
    ]
    sent = [json.loads(body) for path, _, body in received.requests if path == "/"]
    assert [(e["kind"], e["key"]) for e in sent] == [("raised", "test/notifiers"), ("cleared", "test/notifiers")]
    assert "anna tries whether alerts arrive" in sent[0]["summary"]
    assert len(received.requests) == 4


def test_a_test_alert_that_is_not_taken_fails_without_the_secret_address(said):
    with pytest.raises(FairleadError, match=r"^slack: it cannot be reached \(\w+\)$"):
        said("test", FAIRLEAD_ALERT_SLACK=f"http://127.0.0.1:{free_port()}/T0KEN")


def test_what_waits_is_listed_and_sent_later(said, home):
    down = MemoryNotifier()
    down.down = "out of order"
    AlertBook(book_path(read_settings(home)), {"webhook": down}).observe(findings(call()), AT_ONCE)
    assert "waits for webhook: raised loss/log_loss, 1 attempts, out of order" in said("list")
    assert said("send").endswith("1 are waiting\n")
    with receiving() as received:
        assert said("send", FAIRLEAD_ALERT_WEBHOOK=received.url) == "0 are waiting\n"
        assert said("send", FAIRLEAD_ALERT_WEBHOOK=received.url) == "0 are waiting\n"
    assert len(received.requests) == 1


def test_metrics_are_written_for_a_collector(said, book, home, tmp_path):
    book.observe(findings(call()), AT_ONCE)
    keep(looked(), looks_path(read_settings(home)))
    assert said("export", "--file", str(tmp_path / "f.prom")) == f"metrics: {tmp_path / 'f.prom'}\n"
    text = (tmp_path / "f.prom").read_text()
    assert 'fairlead_alert_level{alert="loss",model="sba_loans",subject="log_loss",use_case="sba_loans"} 2.0' in text
    assert "fairlead_look_duration_seconds" in text


def test_metrics_are_served_until_a_signal_comes(book, home):
    book.observe(findings(call()), AT_ONCE)
    command = [sys.executable, "-c", ALERTS, "export", "--port", "0"]
    environment = {**os.environ, **home, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().removeprefix("metrics: ").strip()
            with urllib.request.urlopen(url) as answer:  # noqa: S310
                assert b"fairlead_alert_level" in answer.read()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_every_command_says_what_it_does():
    assert sorted(alerts.commands) == ["export", "history", "list", "send", "silence", "test", "unsilence"]
    context = click.Context(alerts)
    assert all(c.get_short_help_str() for c in alerts.commands.values())
    assert "See what is wrong" in alerts.get_help(context)

"""From a look to our webhook, through a real Prometheus and a real Alertmanager: make test-alerts."""

import json
import subprocess
import time

import pytest
from pydantic import SecretStr

from components.monitoring.alerts.book import AlertBook
from components.monitoring.alerts.notifiers.alertmanager import AlertmanagerNotifier
from components.monitoring.dashboards import expressions
from tests.integration.alerting import MISSING, get, running, until
from tests.monitoring.alerts.looks import AT_ONCE, call, day, findings

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: apt-get install {' '.join(MISSING)}"),
]

ALARM_TO_WEBHOOK_SECONDS = 10.0


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with running(tmp_path_factory.mktemp("alerting")) as made:
        made.look()
        made.server.work()
        until(lambda: made.ask("fairlead_look_duration_seconds"), "the first scrape")
        yield made


def mark(world):
    """Raise an alert of a model of its own and wait until it is told: what came before it would be told by now."""
    model = f"marker-{world.looks}"
    alarm(world, call("loss/log_loss"), alertname="FairleadLoss", model=model)


def alarm(world, *calls, **labels):
    """Take a look that calls, and time how long it takes to the webhook."""
    begin = time.monotonic()
    world.look(*calls, model=labels["model"])
    world.wait("firing", **labels)
    world.seconds.append(time.monotonic() - begin)


def test_a_red_look_is_at_the_webhook_once_and_its_end_too(world):
    loss = {"alertname": "FairleadLoss", "model": "sba_loans"}
    alarm(world, call("loss/log_loss"), call("drift/Bank"), **loss)
    for _ in range(3):
        world.look(call("loss/log_loss"), call("drift/Bank"))
    mark(world)
    assert world.notified(**loss) == ["firing"], "told once, however many looks and evaluations say it again"
    assert world.notified(alertname="FairleadDrift", model="sba_loans") == [], "a red loss inhibits the model's drift"

    world.look()
    world.wait("resolved", **loss)
    assert world.notified(**loss) == ["firing", "resolved"]


def test_the_webhook_gets_the_token_and_slack_gets_a_message(world):
    alarm(world, call("group/State=CA"), alertname="FairleadGroup", model="talked-about")
    until(lambda: any(path == "/slack" for path, _, _ in world.received.requests), "Slack is told")
    tokens = {headers["authorization"] for path, headers, _ in world.received.requests if path == "/alerts"}
    assert tokens == {"Bearer token-of-the-test"}
    said = [body for path, _, body in world.received.requests if path == "/slack"]
    assert any(b"manifests/monitoring/runbooks/group.md" in body for body in said)


def test_a_silence_of_the_book_holds_and_what_stands_is_told_after_it(world):
    drift = {"alertname": "FairleadDrift", "model": "hushed"}
    made = world.book.silence("drift/*", day(10_000), "anna", "a new form", model="hushed")
    world.look(call("drift/Bank"), model="hushed")
    mark(world)
    assert world.notified(**drift) == []
    world.book.unsilence(made.number, "anna")
    alarm(world, call("drift/Bank"), **drift)


def test_a_silence_of_alertmanager_holds(world):
    words = ["--author=anna", "--comment=known", "--duration=1h", "alertname=FairleadOutliers", "model=noisy"]
    command = ["amtool", "silence", "add", f"--alertmanager.url={world.alertmanager}", *words]
    subprocess.run(command, check=True, capture_output=True)
    world.look(call("outliers/rows"), model="noisy")
    mark(world)
    assert world.notified(alertname="FairleadOutliers", model="noisy") == []
    firing = world.ask('ALERTS{alertname="FairleadOutliers",model="noisy",alertstate="firing"}')
    assert len(firing) == 1, "Prometheus knows of it"


def test_failing_requests_burn_the_budget(world):
    world.server.work(answered=200, failed=0)
    until(lambda: world.ask("fairlead:requests:increase1h > 100"), "requests are counted")
    world.server.work(answered=100, failed=100)
    world.wait("firing", alertname="FairleadErrorBudget", severity="critical")


def test_a_server_that_is_gone_is_told(world):
    world.wait("firing", alertname="FairleadTargetDown", job="fairlead-gone")
    assert world.notified(alertname="FairleadTargetDown", job="fairlead-serving") == []


def test_every_expression_of_the_dashboards_has_data(world):
    world.look(call("loss/log_loss"), model="sba_loans")
    world.server.work()
    until(lambda: world.ask("rate(fairlead_score_count[5m]) > 0"), "rates are there")
    until(lambda: world.ask('ALERTS{alertstate="firing"}'), "something fires")
    empty = [a for a in expressions() if not world.ask(a.expression.replace("$model", ".+"))]
    assert empty == []


def test_alertmanager_takes_what_the_book_tells_it_directly(world, tmp_path):
    """Its own way, without Prometheus: levels replace each other, and the end is told."""

    def stands():
        found = get(f'{world.alertmanager}/api/v2/alerts?filter=model="direct"&active=true')
        return sorted(a["labels"]["severity"] for a in found)

    notifier = AlertmanagerNotifier(SecretStr(world.alertmanager))
    book = AlertBook(tmp_path / "alerts.db", {"alertmanager": notifier})
    for number, severity in enumerate(("amber", "red", "amber")):
        book.observe(findings(call("loss/x", severity), now=day(number), model="direct"), AT_ONCE)
        wanted = {"amber": ["warning"], "red": ["critical"]}[severity]
        until(lambda wanted=wanted: stands() == wanted, f"{wanted} stands")
    world.wait("firing", model="direct")
    book.observe(findings(now=day(3), model="direct"), AT_ONCE)
    until(lambda: stands() == [], "nothing stands")
    world.wait("resolved", model="direct", severity="warning")
    assert book.store.waiting() == []
    (event,) = [a for a in _alerts(world) if a["labels"].get("model") == "direct"][:1]
    assert event["annotations"]["runbook"] == "manifests/monitoring/runbooks/loss.md"


def _alerts(world):
    return [a for path, _, body in world.received.requests if path == "/alerts" for a in json.loads(body)["alerts"]]


def test_no_alarm_took_longer_than_promised(world, capsys):
    """The last one: it sums up what the others have timed."""
    with capsys.disabled():
        told = ", ".join(f"{s:.1f}" for s in world.seconds)
        print(f"\nalarm to webhook, seconds: {told} (target {ALARM_TO_WEBHOOK_SECONDS:g})")
    assert len(world.seconds) >= 5
    assert max(world.seconds) <= ALARM_TO_WEBHOOK_SECONDS

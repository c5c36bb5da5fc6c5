"""Laws of all notifiers that talk HTTP, and who counts as forgetful."""

import json
import traceback

import pytest
from pydantic import SecretStr

from components.monitoring.alerts.notifiers import post
from components.monitoring.alerts.notifiers.alertmanager import AlertmanagerNotifier
from components.monitoring.alerts.notifiers.console import ConsoleNotifier
from components.monitoring.alerts.notifiers.memory import MemoryNotifier
from components.monitoring.alerts.notifiers.notifier import NotTold, Reminded
from components.monitoring.alerts.notifiers.slack import SlackNotifier
from components.monitoring.alerts.notifiers.webhook import WebhookNotifier
from components.serving.process import free_port
from tests.monitoring.alerts.looks import event
from tests.serving.receiver import receiving

OVER_HTTP = [WebhookNotifier, SlackNotifier, AlertmanagerNotifier]
SECRET = "T0KEN"  # noqa: S105  made up


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    """How long is waited between attempts is tested with ``Post``."""
    monkeypatch.setattr(post, "PAUSE", 0)


over_http = pytest.mark.parametrize("kind", OVER_HTTP, ids=lambda kind: kind.__name__)


@over_http
def test_a_change_arrives_as_json_with_all_that_matters(kind):
    with receiving() as received:
        kind(SecretStr(f"{received.url}/hook")).tell(event(summary="log loss was 0.3, is 0.5"))
    ((path, headers, body),) = received.requests
    assert path.startswith("/hook")
    assert headers["content-type"] == "application/json"
    assert json.loads(body)
    for part in ("log_loss", "sba_loans", "log loss was 0.3, is 0.5", "runbooks/loss.md", "e1"):
        assert part in body.decode()


@over_http
@pytest.mark.parametrize("status", [302, 400, 403, 500])
def test_what_is_not_taken_is_said_without_the_address(kind, status, caplog):
    with receiving() as received:
        received.status = status
        notifier = kind(SecretStr(f"{received.url}/{SECRET}"))
        with pytest.raises(NotTold, match=f"status {status}") as found:
            notifier.tell(event())
    assert found.value.refused is (status < 500)
    assert SECRET not in "".join(traceback.format_exception(found.value)) + caplog.text
    assert SECRET not in repr(vars(notifier))


@over_http
def test_nobody_there_is_said_without_the_address(kind, caplog):
    notifier = kind(SecretStr(f"http://127.0.0.1:{free_port()}/{SECRET}"))
    with pytest.raises(NotTold, match="cannot be reached") as found:
        notifier.tell(event())
    assert not found.value.refused
    assert SECRET not in "".join(traceback.format_exception(found.value)) + caplog.text


def test_alertmanager_alone_forgets():
    kinds = [*OVER_HTTP, lambda _: MemoryNotifier(), lambda _: ConsoleNotifier(print)]
    forgetful = [n for n in (kind(SecretStr("http://127.0.0.1:1")) for kind in kinds) if isinstance(n, Reminded)]
    assert [type(n) for n in forgetful] == [AlertmanagerNotifier]

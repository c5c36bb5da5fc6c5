import json

from pydantic import SecretStr

from components.monitoring.alerts.notifiers.webhook import SCHEMA, WebhookNotifier, payload
from tests.monitoring.alerts.looks import event
from tests.serving.receiver import receiving


def test_the_payload_is_flat_json_with_an_id_that_is_in_the_header_too():
    with receiving() as received:
        WebhookNotifier(SecretStr(received.url)).tell(event("worsened", "red", "amber", id="abc"))
    ((_, headers, body),) = received.requests
    found = json.loads(body)
    assert found == payload(event("worsened", "red", "amber", id="abc"))
    assert headers["idempotency-key"] == found["id"] == "abc"
    assert {k: found[k] for k in ("schema", "kind", "key", "level", "before", "at", "value")} == {
        "schema": SCHEMA,
        "kind": "worsened",
        "key": "loss/log_loss",
        "level": "red",
        "before": "amber",
        "at": "2005-03-31",
        "value": 0.5,
    }


def test_a_value_without_end_is_json_too():
    """A rise over nothing is infinite."""
    with receiving() as received:
        WebhookNotifier(SecretStr(received.url)).tell(event(value=float("inf")))
    assert json.loads(received.requests[0][2])["value"] is None

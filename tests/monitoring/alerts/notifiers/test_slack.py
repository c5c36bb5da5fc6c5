import pytest

from components.monitoring.alerts.notifiers.slack import message
from tests.monitoring.alerts.looks import event


@pytest.mark.parametrize(
    ("level", "before", "kind", "mark"),
    [("red", "green", "raised", ":red_circle:"), ("green", "red", "cleared", ":large_green_circle:")],
)
def test_the_message_says_what_changed_and_where_to_read_on(level, before, kind, mark):
    found = message(event(kind, level, before))
    assert found["text"] == f"{kind}: loss/log_loss of sba_loans is {level}"
    section, context = found["blocks"]
    assert section["text"]["text"] == f"{mark} *{found['text']}*\nlog loss 0.5"
    assert "runbooks/loss.md" in context["elements"][0]["text"]
    assert context["elements"][0]["text"].endswith("id e1")


def test_a_subject_cannot_call_everybody_and_no_text_is_too_long_for_slack():
    found = message(event(subject="Bank=<!channel>", summary="x" * 10_000))
    assert "<" not in found["text"]
    assert "&lt;!channel&gt;" in found["text"]
    texts = [b["text"]["text"] for b in found["blocks"] if "text" in b]
    assert "<!" not in "".join(texts)
    assert max(map(len, texts)) <= 3000

"""A notifier that posts each change as a Slack message, to an incoming webhook of Slack or of what takes its format."""

from typing import Any

from pydantic import SecretStr

from components.monitoring.alerts.notifiers.post import Post
from components.monitoring.alerts.values import Event

MOST = 2_900
"""Characters of a block's text; Slack takes 3,000."""

MARKS = {"red": ":red_circle:", "amber": ":large_orange_circle:", "green": ":large_green_circle:"}


class SlackNotifier:
    """Posts messages.

    Slack knows no idempotent posts: after a crash a message may stand there twice, with the same id below it.

    Args:
        url: of the incoming webhook; whoever has it can post, so it is a secret.
        post: how; for tests that do not want to wait.
    """

    def __init__(self, url: SecretStr, post: Post | None = None) -> None:
        self._post = post or Post(url)

    def tell(self, event: Event) -> None:
        """Post a message.

        Raises:
            NotTold: it was not taken.
        """
        self._post(message(event), {"idempotency-key": event.id})


def message(event: Event) -> dict[str, Any]:
    """Write an event as a Slack message: a line for notifications, and blocks."""
    head = f"{event.kind}: {event.key} of {event.model} is {event.level}"
    summary = escape(event.summary)[:MOST]
    facts = f"version {event.version} · look of {event.at} · since {event.since} · runbook `{event.runbook}`"
    return {
        "text": escape(head)[:MOST],
        "blocks": [
            {"type": "section", "text": _words(f"{MARKS[event.level]} *{escape(head)}*\n{summary}")},
            {"type": "context", "elements": [_words(f"{escape(facts)} · id {event.id}")]},
        ],
    }


def escape(text: str) -> str:
    """Keep a text from being read as Slack's mark-up: a subject could otherwise call everybody in the channel.

    >>> escape("Bank=<!channel> & Co")
    'Bank=&lt;!channel&gt; &amp; Co'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _words(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text[:MOST]}

"""Our server with parts taken out, to tell what each gives; nothing else of it is changed.

A part that is taken out where requests no longer pass would be measured as worth nothing, so
``tests/pipelines/test_fairlead_parts.py`` holds each against the server with the part in.
"""

import sys
from collections.abc import Sequence
from typing import Any


def without_lane() -> None:
    """Let KServe's application answer, as it does what the lane hands on; there is no shortcut then either."""
    from kserve.protocol.rest.server import RESTServer

    from components.serving.rest import Rest

    Rest.create_application = RESTServer.create_application  # type: ignore[method-assign]


def without_shortcut() -> None:
    """Let uvicorn's own protocol call the lane."""
    from components.serving.rest import Rest

    usual = Rest.create_application

    def create_application(self: Rest) -> None:
        before = self.config.http
        usual(self)
        self.config.http = before

    Rest.create_application = create_application  # type: ignore[method-assign]


def without_batching() -> None:
    """Score each row by itself, whichever way it came to the batcher."""
    from components.serving.batcher import Batcher, Call, Score, Scored

    usual = Batcher.__init__

    def __init__(self: Batcher, score: Score, *words: Any, **named: Any) -> None:  # noqa: N807
        def one_by_one(calls: Sequence[Call]) -> Scored:
            return [score([call])[0] for call in calls]

        usual(self, one_by_one, *words, **named)

    Batcher.__init__ = __init__  # type: ignore[method-assign]


PARTS = {"lane": without_lane, "shortcut": without_shortcut, "batching": without_batching}


def main() -> int:
    """Serve until stopped; the first word says which parts to leave out, the others are the server's own."""
    parts, *words = sys.argv[1:]
    sys.argv = sys.argv[:1]  # KServe reads the command line on import
    for part in parts.split(","):
        PARTS[part]()
    from components.serving.__main__ import main as serve

    return serve(words)


if __name__ == "__main__":
    sys.exit(main())

"""Our server with a part taken out, to tell what the part gives; nothing else of it is changed."""

import sys
from typing import Any

PARTS = {
    "lane": "the KServe application answers, through our door, one request at a time",
    "batching": "the lane answers, and scores each request by itself",
}


def without_lane() -> None:
    """Let KServe's application answer, as it does what the lane hands on."""
    from kserve.protocol.rest.server import RESTServer

    from components.serving.rest import Rest

    Rest.create_application = RESTServer.create_application  # type: ignore[method-assign]


def without_batching() -> None:
    """Score a row when it comes, whoever else is waiting."""
    from components.serving.batcher import Batcher

    together = Batcher.submit

    async def alone(self: Batcher, *words: Any, **named: Any) -> tuple[float, int]:
        return await together(Batcher(self._score), *words, **named)

    Batcher.submit = alone  # type: ignore[method-assign]


def main() -> int:
    """Serve until stopped; the first word says which part to leave out, the others are the server's own."""
    part, *words = sys.argv[1:]
    sys.argv = sys.argv[:1]
    {"lane": without_lane, "batching": without_batching}[part]()
    from components.serving.__main__ import main as serve

    return serve(words)


if __name__ == "__main__":
    sys.exit(main())

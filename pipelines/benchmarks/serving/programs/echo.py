"""The floor of uvicorn: reads the body and answers fixed bytes of an answer's size."""

from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from pipelines.benchmarks.serving.programs.model import arguments

BODY = (
    b'{"model_name":"sba_loans","model_version":"1","id":"00000000-0000-0000-0000-000000000000","outputs":[{"name":'
    b'"probability","shape":[1],"datatype":"FP64","data":[0.012345678901234567]},{"name":"decision","shape":[1],'
    b'"datatype":"INT64","data":[0]}]}'
)
HEAD = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]

Message = dict[str, Any]


async def app(scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Any]) -> None:
    """Answer every request alike."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEAD})
    await send({"type": "http.response.body", "body": BODY})


def main() -> None:
    """Serve until stopped."""
    given = arguments()
    uvicorn.run(
        app, host=given.host, port=given.port, loop="uvloop", http="httptools", access_log=False, lifespan="off"
    )


if __name__ == "__main__":
    main()

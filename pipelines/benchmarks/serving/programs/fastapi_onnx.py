"""FastAPI, orjson and ONNX Runtime on uvicorn: what somebody writes who wants a fast server and no framework."""

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

from pipelines.benchmarks.serving.programs.model import Model, arguments


def make(model: Model) -> FastAPI:
    """Return the application."""
    app = FastAPI()

    @app.post("/v2/models/{name}/infer")
    async def infer(name: str, request: Request) -> Response:  # noqa: ARG001
        answer = model.answer(orjson.loads(await request.body()))
        return Response(orjson.dumps(answer), media_type="application/json")

    return app


def main() -> None:
    """Serve until stopped."""
    given = arguments()
    app = make(Model.open(given.bundle, given.scorer))
    uvicorn.run(app, host=given.host, port=given.port, loop="uvloop", http="httptools", access_log=not given.quiet)


if __name__ == "__main__":
    main()

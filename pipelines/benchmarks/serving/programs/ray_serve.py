"""Ray Serve: one replica behind its HTTP proxy, as many requests under way as the load has clients."""

import os
import signal
import threading
from pathlib import Path

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipelines.benchmarks.serving.programs.model import Model, arguments


@serve.deployment(num_replicas=1, max_ongoing_requests=64, ray_actor_options={"num_cpus": 1})
class Replica:
    """A bundle in a replica."""

    def __init__(self, folder: str) -> None:
        self.model = Model.open(Path(folder))

    async def __call__(self, request: Request) -> Response:
        """Score one request."""
        return JSONResponse(self.model.answer(await request.json()))


def main() -> None:
    """Serve until stopped."""
    given = arguments()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    ray.init(
        address="local", num_cpus=2, include_dashboard=False, object_store_memory=100 * 2**20,
        _node_ip_address=given.host, _temp_dir=str(given.scratch),
    )  # fmt: skip
    serve.start(http_options={"host": given.host, "port": given.port})
    application = Replica.bind(str(given.bundle))  # type: ignore[attr-defined]  # the decorator's
    serve.run(application, route_prefix="/infer")
    stopped.wait()
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main()

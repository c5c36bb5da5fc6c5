"""BentoML: a service with one asynchronous endpoint."""

import os
import sys
from pathlib import Path
from typing import Any

import bentoml

from pipelines.benchmarks.serving.programs.model import Model, arguments

VARIABLE = "BENCH_BUNDLE"
"""Where the bundle is; BentoML imports the service in a process of its own and hands it nothing."""


@bentoml.service(workers=1)
class Service:
    """A bundle behind BentoML's HTTP server."""

    def __init__(self) -> None:
        self.model = Model.open(Path(os.environ[VARIABLE]))

    @bentoml.api(route="/infer")  # type: ignore[untyped-decorator]
    async def infer(self, inputs: list[dict[str, Any]], id: str = "") -> dict[str, Any]:
        """Score one request."""
        return self.model.answer({"inputs": inputs, "id": id})


def main() -> None:
    """Become BentoML's server."""
    given = arguments()
    os.environ |= {VARIABLE: str(given.bundle), "BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(given.scratch)}
    command = ["-m", "bentoml", "serve", f"{__spec__.name}:Service", "--host", given.host, "--port", str(given.port)]
    os.execv(sys.executable, [sys.executable, *command])  # noqa: S606


if __name__ == "__main__":
    main()

"""MLServer: a custom runtime under the server's own defaults; ``--quiet`` spares it its worker and log lines."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

from components.serving.process import free_port
from pipelines.benchmarks.serving.programs.model import Model, arguments


class Runtime(MLModel):  # type: ignore[misc]
    """A bundle behind MLServer's data plane."""

    async def load(self) -> bool:
        """Open the bundle."""
        self.model = Model.open(Path(self.settings.parameters.uri))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Score one request."""
        probability, decision = self.model.score({tensor.name: tensor.data.root for tensor in payload.inputs})
        shape = [len(probability)]
        outputs = [
            ResponseOutput(name="probability", shape=shape, datatype="FP64", data=probability),
            ResponseOutput(name="decision", shape=shape, datatype="INT64", data=decision),
        ]
        return InferenceResponse(id=payload.id, model_name=self.name, outputs=outputs)


def main() -> None:
    """Write the settings down and become MLServer."""
    given = arguments()
    server: dict[str, Any] = {"host": given.host, "http_port": given.port}
    server |= {"grpc_port": free_port(), "metrics_port": free_port(), "metrics_dir": str(given.scratch)}
    if given.quiet:
        server |= {"parallel_workers": 0, "debug": False, "metrics_endpoint": None}
    model = {
        "name": "sba_loans",
        "implementation": f"{__spec__.name}.Runtime",
        "parameters": {"uri": str(given.bundle.absolute())},
    }
    for name, settings in (("settings", server), ("model-settings", model)):
        (given.scratch / f"{name}.json").write_text(json.dumps(settings), encoding="utf-8")
    program = Path(sys.executable).with_name("mlserver")
    os.execv(program, [str(program), "start", str(given.scratch)])  # noqa: S606


if __name__ == "__main__":
    main()

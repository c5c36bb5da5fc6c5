"""MLServer: a custom runtime under the server's own defaults; ``--quiet`` spares it its worker and log lines."""

import asyncio
from pathlib import Path

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.settings import ModelParameters
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


async def serve() -> None:
    """Serve until stopped."""
    given = arguments()
    parameters = ModelParameters(uri=str(given.bundle.absolute()))
    # By its name: a worker imports it anew, and there this file is not what was started.
    model = ModelSettings(name="sba_loans", implementation=f"{__spec__.name}.Runtime", parameters=parameters)
    quiet = {"parallel_workers": 0, "debug": False, "metrics_endpoint": None} if given.quiet else {}
    settings = Settings(host=given.host, http_port=given.port, grpc_port=free_port(), metrics_port=free_port(), **quiet)
    await MLServer(settings).start([model])


if __name__ == "__main__":
    asyncio.run(serve())

"""The stock KServe SDK: a model as its documentation shows one, on its own server with its own defaults."""

import sys
import uuid
from typing import Any

from pipelines.benchmarks.serving.programs.model import Model, arguments

given = arguments() if __name__ == "__main__" else None
# KServe reads the command line on import and would act on what it takes for its own.
sys.argv = sys.argv[:1] if given else sys.argv

import kserve  # noqa: E402
from kserve.protocol.rest.server import RESTServer  # noqa: E402


class StockModel(kserve.Model):  # type: ignore[misc]
    """A predictor that reads an ``InferRequest`` and writes an ``InferResponse``."""

    def __init__(self, name: str, model: Model) -> None:
        super().__init__(name)
        self.model = model
        self.ready = True

    def predict(
        self,
        payload: kserve.InferRequest,
        headers: dict[str, str] | None = None,  # noqa: ARG002
    ) -> kserve.InferResponse:
        """Score one request."""
        probability, decision = self.model.score({tensor.name: tensor.data for tensor in payload.inputs})
        shape = [len(probability)]
        outputs = [
            kserve.InferOutput("probability", shape, "FP64", probability),
            kserve.InferOutput("decision", shape, "INT64", decision),
        ]
        return kserve.InferResponse(payload.id or str(uuid.uuid4()), self.name, outputs)


class _Loopback(RESTServer):  # type: ignore[misc]
    """The SDK's server on the loopback interface; the SDK itself listens everywhere."""

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self.config.host = "127.0.0.1"


def main() -> None:
    """Serve until stopped."""
    import kserve.model_server as module

    assert given is not None
    module.RESTServer = _Loopback
    model = StockModel("sba_loans", Model.open(given.bundle, given.scorer))
    quiet = {"enable_latency_logging": False, "access_log_format": None} if given.quiet else {}
    kserve.ModelServer(http_port=given.port, enable_grpc=False, workers=1, **quiet).start([model])


if __name__ == "__main__":
    main()

"""Who is measured: our server, what it is held against, and the steps between the two."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.benchmarks.serving.workload import Form

PROGRAMS = "pipelines.benchmarks.serving.programs"

MODEL = "sba_loans"
V2_PATH = f"/v2/models/{MODEL}/infer"

OURS, ECHO, STOCK = "fairlead", "echo", "stock"


@dataclass(frozen=True)
class Peer:
    """One server.

    Args:
        name: short, for the results' file.
        title: for the table.
        words: what its environment's Python is started with; ``{bundle}``, ``{port}`` and ``{scratch}`` are filled in.
        group: environment that it runs in.
        path: where it takes requests.
        form: how it takes rows.
        metrics: where it tells what its prediction log has written; empty for a server that has none.
        at_least: our requests a second over its, at least; None where nothing is promised.
        tuned: it is not as it ships, but as somebody would run it who looks for speed.
    """

    name: str
    title: str
    words: tuple[str, ...]
    group: str = "platform"
    path: str = V2_PATH
    form: Form = "v2"
    metrics: str = ""
    at_least: float | None = None
    tuned: bool = False

    def command(self, python: str, **values: object) -> list[str]:
        """Write out what is run."""
        return [python, *(word.format(**values) for word in self.words)]


def _program(module: str, *options: str) -> tuple[str, ...]:
    given = ("--bundle", "{bundle}", "--port", "{port}", "--scratch", "{scratch}")
    return ("-m", f"{PROGRAMS}.{module}", *given, *options)


_SERVER = ("--bundle", "{bundle}", "--http-port", "{port}", "--log", "sqlite:///{scratch}/predictions.db")
_PARTS = ("-m", f"{PROGRAMS}.fairlead_parts")

PEERS: Sequence[Peer] = (
    Peer(OURS, "Fairlead: contract, metrics, log on", ("-m", "components.serving", *_SERVER), metrics="/metrics"),
    Peer("no-log", "Fairlead without its log", ("-m", "components.serving", *_SERVER[:-2])),
    Peer("no-batching", "Fairlead without batching", (*_PARTS, "batching", *_SERVER), metrics="/metrics"),
    Peer(
        "lane-alone",
        "Fairlead without batching and shortcut",
        (*_PARTS, "shortcut,batching", *_SERVER),
        metrics="/metrics",
    ),
    Peer("no-lane", "Fairlead without its lane", (*_PARTS, "lane", *_SERVER), metrics="/metrics"),
    Peer(STOCK, "stock KServe SDK, XGBoost", _program("kserve_sdk", "--scorer", "xgboost"), at_least=8.0),
    Peer("stock-onnx", "stock KServe SDK, ONNX Runtime", _program("kserve_sdk")),
    Peer("stock-quiet", "stock KServe SDK, ONNX Runtime, no log lines", _program("kserve_sdk", "--quiet"), tuned=True),
    Peer("fastapi", "FastAPI + orjson + ONNX Runtime", _program("fastapi_onnx", "--quiet"), at_least=1.0),
    Peer("mlserver", "MLServer", _program("mlserver_model"), "peers/mlserver", at_least=8.0),
    Peer(
        "mlserver-tuned",
        "MLServer, no worker, no log lines",
        _program("mlserver_model", "--quiet"),
        "peers/mlserver",
        tuned=True,
    ),
    Peer("bentoml", "BentoML", _program("bento"), "peers/bentoml", "/infer", at_least=8.0),
    Peer("mlflow", "MLflow", _program("mlflow_model"), path="/invocations", form="dataframe", at_least=8.0),
    Peer("ray", "Ray Serve", _program("ray_serve"), "peers/ray", "/infer", at_least=8.0),
    Peer(ECHO, "an empty uvicorn echo", _program("echo"), form="any"),
)
"""All of them, in the order in which they are measured in each round."""

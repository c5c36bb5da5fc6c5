"""The model as KServe knows it: a thin shell around an opened bundle."""

import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import kserve
import orjson
from kserve.metrics import PREDICT_HIST_TIME, get_labels

from components.serving.engines import Engines
from components.serving.exchange import Answer, NotReady, Request, UnknownModel
from components.serving.scoring import Recorder, Scoring
from components.training.bundle import Bundle

_ONE_ROW = [1]


class BundleModel(kserve.Model):  # type: ignore[misc]
    """A bundle behind KServe's data plane; not ready until it is given one.

    Args:
        name: name to serve under; empty takes the contract's.
        max_rows: most rows of one request.
        variant: which side of a rollout this server is on.
    """

    def __init__(self, name: str, max_rows: int, variant: str = "stable") -> None:
        super().__init__(name)
        self.variant = variant
        self.name: str = name
        self.max_rows = max_rows
        self.version = ""
        self.waiting_for = "the model is being loaded"
        """Why it is not ready."""
        self.infer_paths: frozenset[str] = frozenset()
        """V2 infer routes of this model; none until there is one."""
        self.stamps: list[tuple[bytes, bytes]] = []
        """Headers of a JSON answer: its type, and who answered."""
        self._scoring: Scoring | None = None

    @property
    def scoring(self) -> Scoring:
        """The bundle at work.

        Raises:
            NotReady: there is none; says why.
        """
        if self._scoring is None:
            raise NotReady(f"not ready: {self.waiting_for}")
        return self._scoring

    @property
    def bundle(self) -> Bundle:
        """The bundle.

        Raises:
            NotReady: there is none; says why.
        """
        return self.scoring.bundle

    def take(
        self, bundle: Bundle, version: str, engines: Engines | None = None, recorders: Sequence[Recorder] = ()
    ) -> None:
        """Serve a bundle from now on.

        Args:
            bundle: an opened bundle.
            version: its version.
            engines: how its model is run; None for its ONNX form alone.
            recorders: who is told of scored rows.
        """
        self.name = self.name or bundle.contract.model
        engines = engines or Engines(bundle.scorer.score)
        self._scoring = Scoring(bundle, self.name, version, self.max_rows, engines, recorders)
        self._took = PREDICT_HIST_TIME.labels(**get_labels(self.name))
        self.version, self.ready = version, True
        root = f"/v2/models/{self.name}"
        self.infer_paths = frozenset({f"{root}/infer", f"{root}/versions/{version}/infer"})
        self.stamps = [
            (b"content-type", b"application/json"),
            (b"x-fairlead-variant", self.variant.encode()),
            (b"x-fairlead-version", version.encode()),
        ]

    def require(self, name: str, version: str | None = None) -> None:
        """Check that a name, and perhaps a version, is the one served here.

        Raises:
            NotReady: nothing is served yet.
            UnknownModel: it is another.
        """
        _ = self.bundle
        if name != self.name:
            raise UnknownModel(f"unknown model {name[:80]!r}; served here: {self.name}")
        if version and version != self.version:
            raise UnknownModel(f"unknown version {version[:80]!r} of model {name!r}; served here: {self.version}")

    def load(self) -> bool:
        """Say whether a bundle is there; KServe's data plane calls this and would else call any model ready."""
        return bool(self.ready)

    async def predict(self, payload: Request, headers: dict[str, str] | None = None) -> Answer:  # noqa: ARG002
        """Score one decoded request."""
        return await self.scoring.answer(payload, time.perf_counter())

    def answered(self, route: str, status: int, seconds: float) -> None:  # noqa: ARG002
        """Note an answered request in the metrics."""
        if status < HTTPStatus.BAD_REQUEST:
            self._took.observe(seconds)

    def encode_one(self, request_id: str, pair: tuple[float, int]) -> bytes:
        """Write the V2 answer for one row, all outputs; the same JSON as ``v2.encode`` writes."""
        probability, decision = pair
        outputs = [
            {"name": "probability", "shape": _ONE_ROW, "datatype": "FP64", "data": [probability]},
            {"name": "decision", "shape": _ONE_ROW, "datatype": "INT64", "data": [decision]},
        ]
        return orjson.dumps(
            {"model_name": self.name, "model_version": self.version, "id": request_id, "outputs": outputs}
        )

    def get_input_types(self) -> list[dict[str, Any]]:
        """Inputs for the V2 metadata."""
        return [{"name": f.name, "datatype": f.datatype, "shape": [-1]} for f in self.bundle.contract.inputs]

    def get_output_types(self) -> list[dict[str, Any]]:
        """Outputs for the V2 metadata."""
        return [{"name": o.name, "datatype": o.datatype, "shape": [-1]} for o in self.bundle.contract.outputs]

"""The model as KServe knows it: a thin shell around an opened bundle."""

import time
from typing import Any

import kserve
import orjson

from components.serving.batcher import Pair
from components.serving.exchange import REMEDIES, Answer, NotReady, Request, UnknownModel
from components.serving.scoring import Scoring
from components.serving.watch import Watch
from components.training.bundle import Bundle

_ONE_ROW = [1]


class BundleModel(kserve.Model):  # type: ignore[misc]
    """A bundle behind KServe's data plane; not ready until it is given one.

    Args:
        name: name to serve under; empty takes the contract's.
        variant: which side of a rollout this server is on.
    """

    def __init__(self, name: str, variant: str = "stable") -> None:
        super().__init__(name)
        self.variant = variant
        self.name: str = name
        self.version = ""
        self.waiting_for = "the model is being loaded"
        """Why it is not ready."""
        self.infer_paths: frozenset[str] = frozenset()
        """V2 infer routes of this model; none until there is one."""
        self.infer_urls: frozenset[bytes] = frozenset()
        """The same, as they are written in a request."""
        self.stamps: tuple[tuple[bytes, bytes], ...] = ()
        """Headers of each answer: who gave it."""
        self.watch = Watch()
        self.stopping = False
        """Told to stop: requests are still answered, but no more should be sent."""
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

    def take(self, scoring: Scoring, version: str, watch: Watch | None = None) -> None:
        """Serve a bundle from now on.

        Args:
            scoring: the bundle at work.
            version: its version.
            watch: who is told of what is served.
        """
        self.name = self.name or scoring.bundle.contract.model
        self.watch = watch or Watch(self.name)
        self._scoring, self.version, self.ready = scoring, version, True
        root = f"/v2/models/{self.name}"
        self.infer_paths = frozenset({f"{root}/infer", f"{root}/versions/{version}/infer"})
        self.infer_urls = frozenset(path.encode() for path in self.infer_paths)
        self.stamps = ((b"x-fairlead-variant", self.variant.encode()), (b"x-fairlead-version", version.encode()))

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

    def require_ready(self) -> None:
        """Check that requests may be sent here.

        Raises:
            NotReady: nothing is served yet, or the server is stopping.
        """
        _ = self.scoring
        if self.stopping:
            raise NotReady("not ready: the server is stopping; what is under way is answered")

    def properties(self) -> dict[str, str]:
        """Say how the model is served, for the V2 metadata."""
        return {"variant": self.variant, **self.scoring.engines.describe()}

    def load(self) -> bool:
        """Say whether a bundle is there; KServe's data plane calls this and would else call any model ready."""
        return bool(self.ready)

    async def predict(self, payload: Request, headers: dict[str, str] | None = None) -> Answer:
        """Score one decoded request, for who calls the model through KServe's data plane."""
        return await self.scoring.answer(payload, headers or {}, time.perf_counter())

    def encode_one(self, request_id: str, pair: Pair) -> bytes:
        """Write the V2 answer for one row, all outputs; the same JSON as ``v2.encode`` writes."""
        probability, decision, *told = pair
        outputs = [
            {"name": "probability", "shape": _ONE_ROW, "datatype": "FP64", "data": [probability]},
            {"name": "decision", "shape": _ONE_ROW, "datatype": "INT64", "data": [decision]},
        ]
        answer: dict[str, Any] = {
            "model_name": self.name,
            "model_version": self.version,
            "id": request_id,
            "outputs": outputs,
        }
        if told:
            answer["parameters"] = {REMEDIES: told[0]}
        return orjson.dumps(answer)

    def get_input_types(self) -> list[dict[str, Any]]:
        """Inputs for the V2 metadata."""
        return [{"name": f.name, "datatype": f.datatype, "shape": [-1]} for f in self.bundle.contract.inputs]

    def get_output_types(self) -> list[dict[str, Any]]:
        """Outputs for the V2 metadata."""
        return [{"name": o.name, "datatype": o.datatype, "shape": [-1]} for o in self.bundle.contract.outputs]

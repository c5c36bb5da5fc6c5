"""The model as KServe knows it: a thin shell around an opened bundle."""

import asyncio
from typing import Any

import kserve

from components.serving.exchange import Answer, NotReady, Request, UnknownModel
from components.serving.score import score
from components.training.bundle import Bundle

OFF_THE_LOOP = 64
"""From so many rows on a request is scored in a thread, so that it does not hold up the others."""


class BundleModel(kserve.Model):  # type: ignore[misc]
    """A bundle behind KServe's data plane; not ready until it is given one.

    Args:
        name: name to serve under; empty takes the contract's.
        max_rows: most rows of one request.
    """

    def __init__(self, name: str, max_rows: int) -> None:
        super().__init__(name)
        self.name: str = name
        self.max_rows = max_rows
        self.version = ""
        self.waiting_for = "the model is being loaded"
        """Why it is not ready."""
        self._bundle: Bundle | None = None

    @property
    def bundle(self) -> Bundle:
        """The bundle.

        Raises:
            NotReady: there is none; says why.
        """
        if self._bundle is None:
            raise NotReady(f"not ready: {self.waiting_for}")
        return self._bundle

    def take(self, bundle: Bundle, version: str) -> None:
        """Serve a bundle from now on."""
        self.name = self.name or bundle.contract.model
        self._bundle, self.version, self.ready = bundle, version, True

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
        bundle = self.bundle
        rows = payload.tensors[0].shape[0] if payload.tensors and payload.tensors[0].shape else 0
        if rows < OFF_THE_LOOP:
            return score(bundle, payload, self.max_rows, self.name, self.version)
        return await asyncio.to_thread(score, bundle, payload, self.max_rows, self.name, self.version)

    def get_input_types(self) -> list[dict[str, Any]]:
        """Inputs for the V2 metadata."""
        return [{"name": f.name, "datatype": f.datatype, "shape": [-1]} for f in self.bundle.contract.inputs]

    def get_output_types(self) -> list[dict[str, Any]]:
        """Outputs for the V2 metadata."""
        return [{"name": o.name, "datatype": o.datatype, "shape": [-1]} for o in self.bundle.contract.outputs]

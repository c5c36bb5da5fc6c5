"""What every peer is given: the bundle's own transform, model and calibration, without a server around them."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray
from components.training.bundle import Bundle
from components.training.scorer import Scorer
from components.training.v2_request import column


@dataclass(frozen=True)
class Arguments:
    """What a program is started with."""

    bundle: Path
    port: int
    host: str
    scratch: Path
    """Directory of the program's own."""
    scorer: str
    """``onnx`` or ``xgboost``."""
    quiet: bool
    """No line for each request, where the server's default is to write them."""


def arguments(words: Sequence[str] | None = None) -> Arguments:
    """Read a program's command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--scorer", choices=["onnx", "xgboost"], default="onnx")
    parser.add_argument("--quiet", action="store_true")
    return Arguments(**vars(parser.parse_args(words)))


class BoosterScorer(Scorer):
    """XGBoost as its users run it, in one thread; takes and gives what the ONNX scorer does."""

    def __init__(self, path: Path) -> None:
        import xgboost

        self._booster = xgboost.Booster(model_file=path)
        self._booster.set_param({"nthread": 1})
        self.width = self._booster.num_features()

    def score(self, matrix: npt.NDArray[np.float32]) -> FloatArray:
        """Score a matrix of shape (n, features), NaN for missing; returns shape (n,)."""
        scores: FloatArray = self._booster.inplace_predict(matrix)
        return scores


@dataclass(frozen=True)
class Model:
    """A bundle without the contract's checks: columns in, answer out.

    Args:
        bundle: opened.
    """

    bundle: Bundle

    @classmethod
    def open(cls, folder: Path, scorer: str = "onnx") -> "Model":
        """Open a bundle; ``xgboost`` takes the model's own library in place of ONNX Runtime."""
        bundle = Bundle.open(folder)
        return cls(replace(bundle, scorer=BoosterScorer(folder / "model.ubj")) if scorer == "xgboost" else bundle)

    def score(self, values: Mapping[str, Sequence[Any]]) -> tuple[list[float], list[int]]:
        """Return probabilities and decisions for columns of JSON values; a column that was left out is missing."""
        n = len(next(iter(values.values())))
        fields = self.bundle.contract.inputs
        rows = {f.name: column(values.get(f.name, [None] * n), f) for f in fields}
        probability = self.bundle.probability(rows)
        return probability.tolist(), self.bundle.decide(probability).tolist()

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a V2 request as a V2 response, both as JSON values."""
        probability, decision = self.score({tensor["name"]: tensor["data"] for tensor in request["inputs"]})
        shape = [len(probability)]
        return {
            "model_name": self.bundle.contract.model,
            "model_version": "1",
            "id": request.get("id"),
            "outputs": [
                {"name": "probability", "datatype": "FP64", "shape": shape, "data": probability},
                {"name": "decision", "datatype": "INT64", "shape": shape, "data": decision},
            ],
        }

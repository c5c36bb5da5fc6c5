"""Candidates that a rollout must stop: one that is wrong about the world, and one that is right but slow."""

import asyncio
import json
import shutil
from pathlib import Path

from components.core.config import Settings
from components.serving.exchange import Request
from components.training import integrity, signing
from components.training.bundle import Bundle
from components.training.v2_request import v2_columns

SLOW_SECONDS = 0.06


class Slow:
    """Hooks that make a model answer late, as one does that asks another service first."""

    async def preprocess(self, request: Request, _: object) -> Request:
        """Wait before scoring."""
        await asyncio.sleep(SLOW_SECONDS)
        return request


def miscalibrated(bundle: Bundle, log_odds: float, settings: Settings, target: Path) -> Path:
    """Copy a bundle with every probability moved by the same step in log-odds, sound and signed in all else.

    Args:
        bundle: the model to spoil.
        log_odds: added to each answer's.
        settings: with the key that signs.
        target: the directory to make; what is there is replaced.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(bundle.path, target)
    old = bundle.calibration
    new = old.model_copy(update={"intercept": old.intercept + log_odds})
    (target / integrity.SIGNATURE).unlink()
    new.write(target / "calibration.json")
    examples = bundle.examples()
    for example in examples:
        rows = v2_columns(example["request"], bundle.contract.inputs)
        example["probability"] = float(new.apply(bundle.scorer.score(bundle.transform.apply(rows)))[0])
        example["decision"] = int(example["probability"] >= bundle.contract.threshold)
    _write(target / "examples.json", examples)
    _write(target / integrity.CHECKSUMS, integrity.checksums(target))
    signing.sign(target, settings.signing_key)
    return target


def _write(path: Path, values: object) -> None:
    path.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n", encoding="utf-8")

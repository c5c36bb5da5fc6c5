"""A spoilt candidate is sound in form: it opens and verifies, and is wrong by exactly what was asked for."""

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest

from components.core.config import Settings
from components.serving.exchange import Request
from components.serving.hooks import open_hooks
from components.serving.score import check_examples
from components.training import signing
from components.training.bundle import Bundle
from pipelines.bad_candidates import SLOW_SECONDS, miscalibrated


def test_every_answer_is_off_by_the_same_log_odds(
    signed_bundle: Path, session_settings: Settings, tmp_path: Path
) -> None:
    good = Bundle.open(signed_bundle)
    path = miscalibrated(good, 4.0, session_settings, tmp_path / "bad")
    signing.verify(path, session_settings.verify_key)
    bad = Bundle.open(path)
    check_examples(bad)
    rows = good.background()
    p, q = good.probability(rows), bad.probability(rows)
    assert np.log(q / (1 - q)) - np.log(p / (1 - p)) == pytest.approx(4.0)


def test_the_slow_one_waits() -> None:
    hooks = open_hooks("pipelines.bad_candidates:Slow")
    request = Request(())
    began = time.perf_counter()
    assert asyncio.run(hooks.before(request, {})) is request
    assert time.perf_counter() - began >= SLOW_SECONDS

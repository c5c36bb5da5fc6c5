import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from components.core.contracts import Estimate, SliceMetrics
from components.core.use_case import UseCase
from components.core.watching import Monitoring
from components.monitoring.concept import _more_tolerated, concept, concept_calls
from components.monitoring.detectors.detector import Baseline
from components.monitoring.expected import CARD
from components.monitoring.streams import Detection, Watch
from components.monitoring.values import Call
from components.monitoring.watched import Watched
from components.training.bundle import Bundle
from components.training.development import learn
from tests.monitoring.watched_rows import MATURITY, rows

NOW = date(2012, 1, 1)


@pytest.fixture
def watched(signed_bundle: Path, sba: UseCase, tmp_path: Path) -> Watched:
    """A model of the small loans, as if it had promised what the made-up world keeps."""
    bundle = Bundle.open(signed_bundle)
    promised = Estimate(value=0.31, low=0.30, high=0.32, n=5_000)
    card = {
        "metrics": [
            SliceMetrics(dataset="test", slice=name, metrics={"log_loss": promised}).model_dump()
            for name in ("all", "size=small")
        ]
    }
    (tmp_path / CARD).write_text(json.dumps(card), encoding="utf-8")
    shutil.copy(signed_bundle / "contract.json", tmp_path)
    learned = date(2010, 1, 1)
    old = rows(20_000, seed=99, now=learned)
    training = sba.training.model_copy(update={"segments": ("size",)})
    return Watched(
        use_case=sba.model_copy(update={"training": training}),
        bundle=replace(bundle, path=tmp_path),
        version="1",
        expected_loss=promised,
        importance={},
        reference=pl.DataFrame(),
        history=old,
        grown=learn([(old, learned)], MATURITY),
    )


def test_a_world_that_keeps_its_promises_calls_for_nothing(watched: Watched) -> None:
    found = concept(watched, rows(), NOW)
    assert concept_calls(found, Monitoring()) == ()
    assert {(w.stream, w.state) for w in found if w.detector == "sequential" and w.stream in ("loss", "excess")} == {
        ("loss", "quiet"),
        ("loss", "no_data"),
        ("excess", "quiet"),
    }


def test_a_world_that_changes_is_called_by_outcomes_first_and_then_by_losses(watched: Watched) -> None:
    whole = rows(changes=0.6)
    early = rows(changes=0.6, now=date(2008, 7, 1))
    (first,) = concept_calls(concept(watched, early, date(2008, 7, 1)), Monitoring())
    assert (first.key, first.severity) == ("loss/bad outcomes", "amber")
    calls = {call.key: call for call in concept_calls(concept(watched, whole, NOW), Monitoring())}
    assert set(calls) == {"loss/bad outcomes", "loss/streamed loss", "group/size=small"}
    assert calls["group/size=small"].summary.startswith("size=small: losses are above 0.3100")


def test_what_is_not_known_of_the_judged_loss_is_tolerated_of_outcomes_too(watched: Watched) -> None:
    sure = Baseline(0.3, 0.06)
    assert _more_tolerated({("loss", "all"): sure}, Monitoring()) == pytest.approx(0.2)
    assert _more_tolerated({}, Monitoring()) == pytest.approx(0.65)
    slightly = rows(changes=0.0, times=1.45)
    (found,) = (w for w in concept(watched, slightly, NOW) if w.stream == "excess")
    assert found.state == "drift"
    card = watched.bundle.path / CARD
    card.write_text(card.read_text(encoding="utf-8").replace("0.32", "0.40"), encoding="utf-8")
    (found,) = (w for w in concept(watched, slightly, NOW) if w.stream == "excess")
    assert found.state in ("quiet", "warning")


def test_decisions_are_those_of_the_reigning_model(watched: Watched) -> None:
    frame = rows(500).with_columns(decision=pl.lit(1, pl.Int64))
    (found,) = (w for w in concept(watched, frame, NOW) if (w.detector, w.stream) == ("adwin", "decision"))
    assert found.mean == pytest.approx(float((frame["probability"] >= watched.bundle.contract.threshold).mean()))


def seen(stream: str, mean: float, value: float, detector: str = "sequential") -> Watch:
    day = date(2005, 9, 30)
    first = Detection(detector=detector, stream=stream, day=day, n=900, value=value)
    baseline = 1.0 if stream == "excess" else 0.1
    return Watch(
        detector=detector, stream=stream, n=2_000, mean=mean, baseline=baseline, state="drift", detections=(first,)
    )


@pytest.mark.parametrize(
    ("watch", "severity", "value"),
    [
        (seen("excess", mean=2.3, value=1.6), "red", 1.3),
        (seen("excess", mean=1.2, value=1.6), "amber", 0.2),
        (seen("loss", mean=0.11, value=0.12), "amber", 0.2),
        (seen("loss", mean=0.11, value=0.2), "red", 1.0),
    ],
)
def test_how_far_beyond_it_is_makes_it_red(watch: Watch, severity: str, value: float) -> None:
    (call,) = concept_calls([watch], Monitoring())
    assert (call.name, call.severity) == ("loss", severity)
    assert call.value == pytest.approx(value)
    assert "sure since 2005-09-30" in call.summary
    assert Call.model_validate(call.model_dump()) == call


def test_what_promises_nothing_calls_for_nothing() -> None:
    assert concept_calls([seen("loss", 0.2, 0.2, "adwin"), seen("score", 0.2, 0.2)], Monitoring()) == ()

"""A plan is a value that is refused when it could decide nothing, or something that nobody meant."""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from components.core.errors import FairleadError
from components.rollout.plan import Metric, Plan, load

CANARY: dict[str, Any] = {
    "name": "careful",
    "strategy": "canary",
    "use_case": "sba_loans",
    "steps": [{"weight": 5}, {"weight": 50}],
    "metrics": [{"name": "error_rate", "tolerated": 0.01}, {"name": "log_loss", "margin": 0.0}],
}
SHIPPED = sorted((Path(__file__).parents[2] / "pipelines" / "rollouts").glob("*.yaml"))


def plan(**changes: Any) -> Plan:
    return Plan.model_validate({**CANARY, **changes})


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_every_plan_that_ships_is_sound(path: Path) -> None:
    found = load(path)
    assert found.strategy.replace("_", "-") == path.stem


def test_plans_of_every_strategy_ship() -> None:
    assert {p.stem for p in SHIPPED} == {"ab", "bandit", "blue-green", "canary", "shadow"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": []}, "steps rise and stay below 100"),
        ({"steps": [{"weight": 50}, {"weight": 5}]}, "steps rise"),
        ({"steps": [{"weight": 5}, {"weight": 5}]}, "steps rise"),
        ({"steps": [{"weight": 100}]}, "stay below 100"),
        ({"steps": [{"weight": 0}]}, "greater than or equal to 1"),
        ({"metrics": []}, "at least 1 item"),
        ({"metrics": [{"name": "error_rate"}]}, "no metric has a margin"),
        ({"metrics": [{"name": "log_loss", "margin": 0}, {"name": "log_loss"}]}, "named twice"),
        ({"metrics": [{"name": "disagreement", "margin": 0.1}]}, "needs mirrored requests"),
        ({"metrics": [{"name": "latency", "margin": 0.1}]}, "latency needs it"),
        ({"metrics": [{"name": "brier", "margin": 0.1, "above_ms": 5}]}, "above_ms is for latency"),
        ({"metrics": [{"name": "brier", "guard": False}]}, "decide nothing"),
        ({"metrics": [{"name": "brier", "margin": -0.1}]}, "greater than or equal to 0"),
        ({"strategy": "ab"}, "exactly one step"),
        ({"strategy": "shadow"}, "has no steps"),
        ({"strategy": "bandit", "steps": []}, "which needs it"),
        ({"bandit": {}}, "for the strategy bandit"),
        ({"strategy": "bandit", "steps": [], "bandit": {"reward": "brier"}}, "not among the metrics"),
        ({"alpha": 0.5}, "less than 0.5"),
        ({"weights": [5]}, "Extra inputs"),
        *(({"metrics": [{"name": "brier", "margin": m}]}, "would allow anything") for m in (1, 2.0)),
        ({"metrics": [{"name": "brier", "margin": math.inf}]}, "finite number"),
        ({"metrics": [{"name": "brier", "margin": 0, "tolerated": 5}]}, "tolerated 5 would allow anything"),
        ({"metrics": [{"name": "brier", "margin": 0, "tolerated": math.nan}]}, "finite number"),
        ({"metrics": [{"name": "log_loss", "margin": 5.0, "clip": 0.01}]}, "give less than 4.6"),
        *(({name: math.inf}, "finite number") for name in ("maximum_hours", "watch_minutes", "look_seconds")),
        *(({name: 1e9}, "less than or equal to") for name in ("maximum_hours", "approval_hours", "look_seconds")),
        *(({"sticky_header": header}, "match pattern") for header in ("x y", "x\n", "%", "", ":path")),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        plan(**changes)


def test_a_margin_may_come_close_to_the_bound_of_its_metric() -> None:
    metrics = [{"name": "brier", "margin": 0.99}, {"name": "log_loss", "tolerated": 4.6, "clip": 0.01}]
    assert plan(metrics=metrics, sticky_header="x-customer_Id").metrics[1].tolerated == 4.6


def test_one_answer_loses_at_most_what_the_clip_allows() -> None:
    assert Metric(name="log_loss", margin=0.0, clip=0.01).bound == pytest.approx(-math.log(0.01))
    assert Metric(name="brier", margin=0.0).bound == 1.0


def test_a_file_that_is_wrong_names_field_and_rule(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(yaml.safe_dump({**CANARY, "alpha": 2}))
    with pytest.raises(FairleadError, match=r"p\.yaml: alpha: .*less than 0\.5"):
        load(path)
    path.write_text("a: [")
    with pytest.raises(FairleadError, match="is not YAML"):
        load(path)
    with pytest.raises(FairleadError, match="no rollout plan at"):
        load(tmp_path / "none.yaml")


@pytest.mark.parametrize("twice", ["alpha: 0.01\nalpha: 0.4\n", "bandit: {seed: 1, seed: 2}\n"])
def test_a_key_that_is_there_twice_is_refused(tmp_path: Path, twice: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(yaml.safe_dump(CANARY) + twice)
    with pytest.raises(FairleadError, match=r"p\.yaml is not YAML(.|\n)*the key '(alpha|seed)' is there twice"):
        load(path)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(FairleadError, match=r"p\.yaml cannot be read as text"):
        load(path)

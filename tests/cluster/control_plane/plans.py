"""Plans as people write them, right and wrong: for ``Plan`` and for the API server alike."""

from typing import Any

_RATE = {"name": "error_rate", "margin": 0.02}
_SLOW = {"name": "latency", "aboveMs": 50}

GOOD: dict[str, dict[str, Any]] = {
    "canary": {},
    "shadow": {"strategy": "shadow", "steps": [], "metrics": [{"name": "disagreement", "margin": 0.1}]},
    "blue_green": {"strategy": "blue_green", "steps": [], "watchMinutes": 5},
    "ab": {"strategy": "ab", "steps": [{"weight": 40}]},
    "bandit": {"strategy": "bandit", "steps": [], "bandit": {"reward": "error_rate"}},
    "all metrics": {"metrics": [_RATE, _SLOW, {"name": "log_loss", "guard": False, "margin": 0.1}]},
}

BAD: dict[str, tuple[str, dict[str, Any]]] = {
    "strategy": ("strategy", {"strategy": "hope"}),
    "weights fall": ("steps rise", {"steps": [{"weight": 50}, {"weight": 25}]}),
    "weight twice": ("steps rise", {"steps": [{"weight": 25}, {"weight": 25}]}),
    "weight 100": ("steps rise", {"steps": [{"weight": 25}, {"weight": 100}]}),
    "weight 101": ("weight", {"steps": [{"weight": 101}]}),
    "no steps": ("steps rise", {"steps": []}),
    "two arms": ("exactly one step", {"strategy": "ab", "steps": [{"weight": 40}, {"weight": 50}]}),
    "shadow with steps": ("have no steps", {"strategy": "shadow", "steps": [{"weight": 40}]}),
    "metric twice": ("named twice", {"metrics": [_RATE, _RATE]}),
    "no metric": ("metrics", {"metrics": []}),
    "no margin": ("has a margin", {"metrics": [{"name": "error_rate"}]}),
    "idle metric": ("decide nothing", {"metrics": [_RATE, {"name": "brier", "guard": False}]}),
    "no threshold": ("aboveMs", {"metrics": [_RATE, {"name": "latency"}]}),
    "threshold of what": ("aboveMs", {"metrics": [{**_RATE, "aboveMs": 5}]}),
    "canary on copies": ("mirrored requests", {"metrics": [{"name": "disagreement", "margin": 0.1}]}),
    "bandit without": ("section bandit", {"strategy": "bandit", "steps": []}),
    "bandit for canary": ("section bandit", {"bandit": {"reward": "error_rate"}}),
    "reward of what": ("among the metrics", {"strategy": "bandit", "steps": [], "bandit": {"reward": "brier"}}),
    "alpha": ("alpha", {"alpha": 0.5}),
    "name": ("name", {"name": "Sba Loans"}),
    "look": ("lookSeconds", {"lookSeconds": 0}),
    "margin of text": ("margin", {"metrics": [{"name": "error_rate", "margin": "much"}]}),
    "unknown field": ("weihgt", {"steps": [{"weihgt": 5, "weight": 5}]}),
}
"""By case: a word of the refusal, and the plan."""

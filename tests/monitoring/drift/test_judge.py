import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core import watching
from components.core.watching import Threshold
from components.monitoring.drift.effect import Effect, nothing
from components.monitoring.drift.judge import judged
from components.monitoring.drift.line import Line

SETTINGS = watching.Drift()
ROWS = (1000, 1000)


def line(subject: str, test: str, effect: Effect, kind: str = "numeric", shown: bool = True) -> Line:
    return Line(subject, kind, test, effect, ROWS, shown)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("effect", "severity", "discovered"),
    [
        (Effect(0.5, 1e-9), "red", True),
        (Effect(0.15, 1e-9), "amber", True),
        (Effect(0.05, 1e-9), "green", True),
        (Effect(0.5, 0.2), "green", False),
        (nothing("too few"), "no_data", False),
    ],
)
def test_a_severity_needs_the_size_and_the_discovery(effect: Effect, severity: str, discovered: bool) -> None:
    (found,) = judged([line("x", "ks", effect)], SETTINGS)
    assert (found.severity, found.discovered, found.reason) == (severity, discovered, effect.reason)
    assert (found.effect, found.p_value, found.amber, found.red) == (effect.size, effect.p_value, 0.125, 0.2)


@pytest.mark.parametrize(("p_value", "severity"), [(1e-9, "red"), (0.9, "green")])
def test_a_test_without_p_value_stands_and_falls_with_its_column(p_value: float, severity: str) -> None:
    lines = [line("x", "psi", Effect(0.4)), line("x", "ks", Effect(0.05, p_value), shown=False)]
    (found,) = judged(lines, SETTINGS)
    assert (found.test, found.severity, found.p_value) == ("psi", severity, None)


def test_another_column_or_what_is_missing_vouches_for_nobody() -> None:
    lines = [
        line("x", "psi", Effect(0.4)),
        line("y", "ks", Effect(0.4, 1e-9)),
        line("x", "missing_share", Effect(0.4, 1e-9), kind="missing"),
    ]
    assert [d.severity for d in judged(lines, SETTINGS)] == ["green", "red", "red"]


def test_a_change_of_schema_is_a_fact() -> None:
    (found,) = judged([line("x", "column_gone", Effect(1.0, None, "gone"), kind="schema")], SETTINGS)
    assert (found.severity, found.discovered) == ("red", True)


def test_a_use_cases_threshold_is_held_to() -> None:
    settings = watching.Drift(thresholds={"ks": Threshold(amber=0.01, red=0.9)})
    (found,) = judged([line("x", "ks", Effect(0.05, 1e-9))], settings)
    assert (found.severity, found.amber, found.red) == ("amber", 0.01, 0.9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_discoveries_are_benjamini_and_hochbergs(p_values: list[float]) -> None:
    found = judged([line(str(i), "ks", Effect(0.5, p)) for i, p in enumerate(p_values)], SETTINGS)
    ordered = sorted(p_values)
    k = max((i for i, p in enumerate(ordered, 1) if p <= 0.05 * i / len(ordered) * (1 - 1e-12)), default=0)
    assert sum(d.discovered for d in found) >= k
    for d in found:
        assert not d.discovered or (d.p_value or 0) <= 0.05


def test_reports_on_nothing_name_a_feature_as_seldom_as_promised() -> None:
    rng = np.random.default_rng(3)
    wrong = sum(
        any(d.discovered for d in judged([line(str(i), "ks", Effect(0.5, p)) for i, p in enumerate(row)], SETTINGS))
        for row in rng.random((1000, 60))
    )
    # 1,000 draws at 5 %: more than 67 have a chance of 1 %.
    assert wrong <= 67

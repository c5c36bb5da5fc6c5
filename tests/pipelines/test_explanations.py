from dataclasses import replace

import pytest

from pipelines.benchmarks.explanations import SMALL, Sizes, Timed, bench, of_the_run
from pipelines.benchmarks.measure import Apart


def test_a_small_table_is_explained_as_the_peer_does() -> None:
    lines: list[str] = []
    assert bench(lines.append, replace(SMALL, threads=1))
    assert "shap.TreeExplainer" in lines[-2]
    assert lines[-1].strip() == "every target was kept"


@pytest.mark.parametrize(
    ("seconds", "difference", "missed"),
    [(29.0, 1e-6, []), (31.0, 1e-6, ["SHAP of 30,000"]), (29.0, 0.1, ["  largest difference"])],
)
def test_what_takes_too_long_or_differs_is_marked(seconds: float, difference: float, missed: list[str]) -> None:
    timed = Timed((seconds, 90.0, 1.0), (20.0,), (1.0,), difference, 1e-6)
    figures = of_the_run(Apart(timed, 100.0, 100.0, 1.0), Sizes())
    assert [f.what for f in figures if f.missed] == [f.what for f in figures if f.what.startswith(tuple(missed))]
    assert figures[1].row()[-1].startswith("1.")

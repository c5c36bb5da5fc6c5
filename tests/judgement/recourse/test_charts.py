from components.core.contracts import Estimate
from components.judgement.check_report import Figure
from components.judgement.recourse import charts


def test_shares_are_drawn_with_their_rows_and_gaps_are_left_out() -> None:
    figures = [
        Figure(name="f", estimate=Estimate(value=0.5, low=0.4, high=0.6, n=90)),
        Figure(name="f", of="sex=female", estimate=Estimate(value=0.7, low=0.6, high=0.8, n=60)),
        Figure(name="f", of="sex=male", estimate=Estimate(value=None, n=3), reason="few"),
    ]
    drawn = charts.by_group(figures, "found, %")
    assert drawn.startswith("<svg")
    assert "sex=female (60)" in drawn
    assert "sex=male" not in drawn
    assert drawn == charts.by_group(figures, "found, %")


def test_counts_are_drawn_with_their_names() -> None:
    drawn = charts.counted(["late payments", "use"], [5, 2], "rows")
    assert "late payments" in drawn
    assert drawn == charts.counted(["late payments", "use"], [5, 2], "rows")

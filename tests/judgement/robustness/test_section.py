from components.core.contracts import Estimate
from components.judgement.robustness.section import nothing, shown


def test_estimates_are_written_with_what_they_have() -> None:
    assert shown(Estimate(value=0.5, n=3)) == "0.500"
    assert shown(Estimate(value=-0.01, low=-0.02, high=0.0, n=3)) == "-0.010 (-0.020 to 0.000)"


def test_no_data_comes_with_its_reason() -> None:
    figure = nothing("a", "all", "there is none", 4)
    assert (figure.estimate, figure.reason) == (Estimate(value=None, n=4), "there is none")

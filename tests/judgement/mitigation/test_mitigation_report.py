import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.contracts import Estimate
from components.judgement.mitigation.mitigation_report import MitigationReport, front, halved

pairs = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12)


@settings(deadline=None)
@given(pairs)
def test_a_point_is_on_the_front_when_no_other_beats_it(points):
    better, gaps = [p[0] for p in points], [p[1] for p in points]
    on = front(better, gaps)
    assert any(on)
    for here, kept in zip(points, on, strict=True):
        beaten = any(a >= here[0] and g <= here[1] and (a, g) != here for a, g in points)
        assert kept == (not beaten)


@pytest.mark.parametrize(
    ("ends", "after", "said"),
    [
        ((-0.03, 0.0), 0.04, "yes"),
        ((-0.03, 0.001), 0.02, "unclear"),
        ((0.001, 0.03), 0.06, "no"),
        # The two groups that were furthest apart are even, and two others no longer.
        ((-0.03, -0.01), 0.05, "unclear"),
        ((None, None), 0.02, "unclear"),
    ],
)
def test_halved_is_what_the_interval_shows(ends, after, said):
    half = Estimate(value=-0.01, low=ends[0], high=ends[1], n=100)
    assert halved(half, Estimate(value=after, n=100), Estimate(value=0.08, n=100)) == said


def test_a_gap_without_data_is_not_halved():
    nothing = Estimate(value=None, n=3)
    assert halved(Estimate(value=-0.02, low=-0.03, high=-0.01, n=9), nothing, nothing) == "unclear"


def test_a_report_survives_json(front_of_clients):
    assert MitigationReport.model_validate_json(front_of_clients.model_dump_json()) == front_of_clients


def test_points_have_names_that_people_can_read(front_of_clients):
    names = [p.label for p in front_of_clients.points]
    assert names[:3] == ["baseline", "reweighing 0.5", "reweighing 1"]
    assert len(set(names)) == len(names)

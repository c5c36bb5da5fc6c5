from components.core.contracts import Estimate
from components.judgement.mitigation.summary import summary


def about(value):
    return Estimate(value=value, low=value - 0.01, high=value + 0.01, n=900)


def point(way, cost, gap, halved, reads_group=False):
    return {"way": way, "cost": about(cost), "gap": about(gap), "halved": halved, "reads_group": reads_group}


def said(like, *points):
    base = like().baseline.model_copy(update={"cost": about(0.4), "gap": about(0.08)})
    return summary((base, *like(*points).points[1:]), "sex", "demographic_parity")


def test_the_cheapest_that_halves_is_named_for_either_kind(like):
    lines = said(
        like,
        point("reweighing", 0.41, 0.03, "yes"),
        point("constrained", 0.42, 0.01, "yes"),
        point("group_thresholds", 0.40, 0.02, "yes", reads_group=True),
    )
    assert lines[0].startswith(
        "Without mitigation the share with the favourable decision differs by 8.0 points [7.0, 9.0]"
    )
    assert "reweighing 0.5 halves it and is the cheapest to do so: the gap is 3.0 points" in lines[1]
    assert "that decide by group, group thresholds 0.5 halves it" in lines[2]
    assert "not legal advice" in lines[-1]


def test_where_none_halves_the_narrowest_is_named_with_a_caveat(like):
    lines = said(like, point("reweighing", 0.41, 0.06, "no"), point("constrained", 0.41, 0.035, "unclear"))
    assert "constrained 0.5 narrows it most at a cost of at most 1.1 times the baseline's" in lines[1]
    assert "that this is half is not shown" in lines[1]
    assert "that is more than half" in said(like, point("reweighing", 0.41, 0.06, "no"))[1]


def test_a_way_that_is_too_dear_is_not_put_forward(like):
    lines = said(like, point("one_threshold", 0.6, 0.001, "yes"))
    assert "none decides at a cost of at most 1.1 times the baseline's" in lines[1]


def test_what_is_unknown_is_said_to_be(like):
    bare = {"way": "reweighing", "cost": about(0.4), "gap": Estimate(value=None, n=3), "halved": "unclear"}
    assert "an unknown number of points (n=3)" in said(like, bare)[1]

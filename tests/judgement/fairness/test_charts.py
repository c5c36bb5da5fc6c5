from components.core.contracts import Estimate
from components.judgement.fairness.charts import rates

NOTHING = Estimate(value=None, n=12)
SOME = Estimate(value=0.7, low=0.65, high=0.76, n=345)


def test_each_group_has_its_line_and_one_without_data_says_so():
    drawn = rates(
        ["sex=male", "sex=female"],
        {"sex=male": SOME, "sex=female": NOTHING},
        dict.fromkeys(("sex=male", "sex=female"), NOTHING),
    )
    assert drawn.startswith("<svg")
    assert "sex=male (345)" in drawn
    assert "sex=female (12)" in drawn
    assert drawn.count(">no data<") == 1


def test_the_same_rates_are_the_same_drawing():
    given = ["g=a"], {"g=a": SOME}, {"g=a": SOME}
    assert rates(*given) == rates(*given)

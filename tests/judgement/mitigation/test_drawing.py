import re

from components.core.contracts import Estimate
from components.judgement.mitigation.drawing import MARKS, dear, front_chart
from components.judgement.mitigation.ways import NAMES


def test_every_way_has_its_mark_and_no_two_the_same():
    assert set(MARKS) == {"baseline", *NAMES}
    assert len(set(MARKS.values())) == len(MARKS)


def test_the_front_is_drawn_the_same_each_time(front_of_clients):
    drawn = front_chart(front_of_clients)
    assert drawn == front_chart(front_of_clients)
    words = set(re.findall(r"<text[^>]*>([^<]*)</text>", drawn))
    assert {"baseline", "reweighing", "gap between groups of sex, points", "half", "0.5"} <= words


def test_what_is_too_dear_is_left_out_and_listed(like):
    report = like({"way": "one_threshold", "cost": Estimate(value=9.0, low=8.0, high=10.0, n=9)}, {"way": "reweighing"})
    assert [p.way for p in dear(report)] == ["one_threshold"]
    drawn = front_chart(report)
    assert "one threshold" not in drawn
    assert "reweighing" in drawn

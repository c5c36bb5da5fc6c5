import pytest

from components.core.contracts import Estimate
from components.judgement.mitigation import lawful
from components.judgement.mitigation.page import chart, front_table, lawful_table, mitigation_page, rates_table


def test_the_front_has_a_row_for_each_point_with_its_intervals(front_of_clients):
    table = front_table(front_of_clients)
    assert [row[0] for row in table.rows] == [p.label for p in front_of_clients.points]
    base, first = front_of_clients.points[:2]
    assert table.rows[0][1] == f"{100 * base.gap.value:.1f} [{100 * base.gap.low:.1f}, {100 * base.gap.high:.1f}]"
    assert (
        table.rows[1][5] == f"{first.auc_change.value:+.4f} [{first.auc_change.low:+.4f}, {first.auc_change.high:+.4f}]"
    )
    assert "sex=male, sex=female" in table.note
    assert table.rows[-1][10] == "yes"


def test_rates_tell_of_each_group_and_of_what_was_found(front_of_clients):
    table = rates_table(front_of_clients)
    assert table.header == ("way and strength", "sex=male", "sex=female", "found")
    assert table.rows[-1][-1].startswith("sex=male from 0.")


def test_groups_left_out_are_told(front_of_clients):
    some = front_of_clients.model_copy(update={"too_few": {"sex=unlisted": 4}})
    assert "sex=unlisted: 4 rows in the split with fewest" in rates_table(some).note


def test_each_way_that_was_tried_says_when_it_is_lawful(front_of_clients):
    table = lawful_table(front_of_clients)
    assert [row[0] for row in table.rows] == ["baseline", "reweighing", "one threshold", "group thresholds"]
    assert lawful.BY_GROUP in table.rows[-1][1]
    assert table.note == lawful.NOT_ADVICE


def test_the_page_stands_by_itself(front_of_clients, quick):
    page = mitigation_page(quick, front_of_clients)
    assert page.count("<svg") == 1
    assert "http-equiv" not in page
    assert "src=" not in page
    for point in front_of_clients.points:
        assert point.label in page
    assert lawful.BY_GROUP in page.replace("&#39;", "'")


@pytest.mark.parametrize("gap", [Estimate(value=None, n=4), Estimate(value=0.1, n=4)])
def test_a_figure_without_interval_is_no_data(gap, like):
    assert front_table(like({"gap": gap})).rows[1][1] == "no data"


def test_what_is_not_drawn_is_said_below_the_drawing(like):
    dear = like({"way": "one_threshold", "cost": Estimate(value=9.0, low=8.0, high=9.5, n=9)})
    assert "one threshold 0.5" in chart(dear).note
    assert "Not drawn" not in chart(like({"way": "reweighing"})).note

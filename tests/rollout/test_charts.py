import xml.etree.ElementTree as ElementTree

import pytest

from components.rollout import charts
from components.rollout.charts import MOST_POINTS
from components.rollout.decide import decide
from components.rollout.history import Look
from components.rollout.store import Event
from tests.rollout.looks import HARM, NEUTRAL, START, STRATEGIES, look, plan, starting, wish


def looks(of, *seen):
    """Looks as they would have been recorded."""
    state, made = starting(of), []
    for number, observation in enumerate(seen, start=2):
        decision = decide(of, state, observation)
        state = decision.state
        made.append(
            Look(Event(rollout="r", sequence=number, at=START, kind="looked", payload={}), observation, decision)
        )
    return made


def text(svg):
    assert ElementTree.fromstring(svg).tag.endswith("svg")  # noqa: S314  our own drawing
    return svg


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_rollout_is_drawn_from_its_first_look_on(strategy):
    of = plan(strategy)
    assert ">begin<" in text(charts.timeline(looks(of, look(1))))
    drawn = text(charts.timeline(looks(of, look(1), look(2, 50), look(3, 60, evidence=HARM))))
    assert ">roll back<" in drawn


def test_an_operators_word_is_drawn():
    drawn = text(
        charts.timeline(looks(plan(), look(1), look(2, 5, wish=wish("pause")), look(3, wish=wish("abort", 9))))
    )
    assert ">pause<" in drawn
    assert ">abort<" in drawn


def test_a_metric_is_drawn_with_the_lines_that_it_has():
    of = plan()
    some = looks(of, look(1), look(2, 50), look(3, 60, evidence=HARM))
    drawn = {m.name: text(charts.metric(of, m, some)) for m in of.metrics}
    assert ">tolerated 0.005<" in drawn["error_rate"]
    assert ">margin 0.02<" in drawn["error_rate"]
    assert ">safe<" in drawn["error_rate"]
    assert ">safe<" not in drawn["latency"]


def test_a_metric_without_data_says_so():
    of = plan()
    assert ">no data<" in text(charts.metric(of, of.metrics[0], looks(of, look(1, evidence={}))))
    assert ">no data<" not in text(charts.metric(of, of.metrics[0], looks(of, look(1, evidence=NEUTRAL))))


def test_of_many_looks_a_part_is_drawn():
    of = plan("shadow", maximum_hours=1000.0)
    many = looks(of, *(look(n, n) for n in range(1, 2 * MOST_POINTS)))
    few = many[:50]
    assert len(charts.metric(of, of.metrics[0], many)) < 12 * len(charts.metric(of, of.metrics[0], few))


def test_the_same_looks_are_drawn_alike():
    of = plan()
    some = looks(of, look(1), look(2, 50))
    assert charts.timeline(some) == charts.timeline(some)

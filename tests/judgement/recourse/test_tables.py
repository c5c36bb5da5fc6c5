import numpy as np

from components.core.contracts import Estimate
from components.judgement.check_report import Figure
from components.judgement.explanation import Change, Counterfactual
from components.judgement.recourse.letter import Letter
from components.judgement.recourse.reasoned import Reasoned
from components.judgement.recourse.reasons import Reason, Reasons
from components.judgement.recourse.tables import drawn, tables
from components.judgement.recourse.texts import Texts
from components.judgement.recourse.ways_out import WaysOut

TEXTS = Texts(words={"paid": "amount paid"})


def _letter(*changes: str) -> Letter:
    return Letter(
        row="7",
        declined=True,
        decision="Declined.",
        probability=0.345,
        threshold=0.25,
        reasons=("Late.", "Much used."),
        changes=changes,
        in_time="" if changes else "After 2 years.",
        unread=(),
        contact="",
    )


def _way_out(*names: str) -> Counterfactual:
    return Counterfactual(
        row="7",
        probability=0.345,
        decision=1,
        found=True,
        feasible=True,
        changes=tuple(Change(input=name, old=1, new=2) for name in names),
        number_of_changes=len(names),
        new_probability=0.2,
        new_decision=0,
        samples=1,
    )


def test_letters_changes_and_breaches_are_shown() -> None:
    ways = WaysOut({"paid": np.zeros(3)}, (_way_out("paid"), _way_out("bill", "paid"), _way_out("bill")))
    letters, changed, broken = tables([_letter("paid: 5 instead of 4"), _letter()], ways, [(), ("x",), ("x",)], TEXTS)
    assert letters.rows == (
        ("7", "34.5%", "1. Late. 2. Much used.", "paid: 5 instead of 4"),
        ("7", "34.5%", "1. Late. 2. Much used.", "nothing that was found. After 2 years."),
    )
    assert changed.rows == (("bill", "2"), ("amount paid", "2"))
    assert broken.rows == (("x", "2"),)
    assert len(tables([], ways, [(), (), ()], TEXTS)) == 2


def test_charts_are_drawn_of_what_is_there() -> None:
    nobody = Reasoned((), np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))
    empty = Figure(name="recourse_found", estimate=Estimate(value=None, n=0), reason="nobody")
    assert drawn([empty], nobody, TEXTS) == []
    one = Reasoned([Reasons((Reason("paid", ("paid",), 1, 1),), 1)], np.ones(1, dtype=bool), np.ones(1, dtype=bool))
    found = Figure(name="recourse_found", estimate=Estimate(value=0.5, low=0.4, high=0.6, n=9))
    assert [chart.title for chart in drawn([found], one, TEXTS)] == ["Who has a way out", "Why rows are declined"]

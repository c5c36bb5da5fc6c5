import numpy as np
import pytest

from components.core.contracts import Columns
from components.core.use_case import UseCase
from components.judgement.recourse.drawn import take
from components.judgement.recourse.letter import Letter, letter, letters, sentence
from components.judgement.recourse.reasons import Reason, approved_of
from components.judgement.recourse.texts import Texts, texts_of
from components.judgement.recourse.waiting import course_of, periods_needed
from components.judgement.recourse.ways_out import find_ways_out
from components.judgement.subject import Subject


@pytest.fixture(scope="module")
def told(case: UseCase, subject: Subject, rows: Columns) -> list[Letter]:
    ways = find_ways_out(case, subject.bundle, rows, [f"case {i}" for i in range(40)], samples=500)
    near = approved_of(subject.bundle, subject.bundle.background())
    return letters(subject.bundle, rows, ways.counterfactuals, texts_of(case), near, course_of(case))


def test_every_declined_case_gets_one_to_four_reasons_and_whom_to_ask(told: list[Letter]) -> None:
    for one in told:
        assert one.declined
        assert 1 <= len(one.reasons) <= 4
        assert one.text.startswith("A loan officer looks at your application first.\nThe estimated risk is ")
        heads = ["\nWhy\n1. ", "\nWhat could change it\n", "\nNot looked at\nThe score does not read: UrbanRural."]
        places = [one.text.index(head) for head in [*heads, "\nWhom to ask\nYou may ask the loan officer to have"]]
        assert places == sorted(places)


def test_a_way_out_is_told_in_words_and_none_is_told_as_none(told: list[Letter]) -> None:
    with_one = [one for one in told if one.changes]
    assert 0 < len(with_one) < len(told)
    changes = [change for one in with_one for change in one.changes]
    assert any(c.startswith("amount of the loan: ") and " instead of " in c for c in changes)
    for one in told:
        assert ("The decision would have been the other one with:\n- " in one.text) == bool(one.changes)
        assert ("None of the changes that are in your hands" in one.text) == (not one.changes)


def test_what_time_would_do_is_told(told: list[Letter], case: UseCase, subject: Subject, rows: Columns) -> None:
    course = course_of(case)
    assert course is not None
    periods = periods_needed(subject.bundle, rows, course)
    assert set(periods) >= {0, 2}
    for one, needed in zip(told, periods, strict=True):
        text = f"Asking for less each year, you would be approved after years: {needed}."
        assert one.in_time == (text if needed else "")
        assert one.in_time in one.text
        assert ("This is no promise" in one.text) == bool(one.in_time or one.changes)


def test_texts_are_filled_with_the_case(told: list[Letter], rows: Columns) -> None:
    sizes = [(i, r) for i, one in enumerate(told) for r in one.reasons if r.startswith("The loan is of")]
    assert sizes
    for i, text in sizes:
        assert text == f"The loan is of {rows['GrAppv'][i]:,.0f} dollars."


def test_a_feature_without_a_text_is_told_by_name_value_and_what_is_typical() -> None:
    reason = Reason("bank_rate", ("bank_rate",), 0.5, 0.5)
    values = {"bank_rate": 0.123, "typical_bank_rate": 0.0456}
    assert sentence(reason, Texts(), values) == "Bank rate: 0.12 (typical of approved cases: 0.05)."
    texts = Texts(words={"bank_rate": "record of the bank"})
    none_approved = {"bank_rate": None, "typical_bank_rate": float("nan")}
    assert sentence(reason, texts, none_approved) == "Record of the bank: not known."


def test_a_protected_attribute_is_told_to_nobody(case: UseCase, subject: Subject, rows: Columns) -> None:
    attribute = case.judgement.fairness.attributes[0].model_copy(update={"column": "GrAppv", "groups": {}})
    fairness = case.judgement.fairness.model_copy(update={"attributes": (attribute,)})
    judging = case.judgement.model_copy(update={"fairness": fairness})
    texts = texts_of(case.model_copy(update={"judgement": judging}))
    ways = find_ways_out(case, subject.bundle, rows, ["r"] * 40, samples=100)
    near = approved_of(subject.bundle, subject.bundle.background())
    for one in letters(subject.bundle, rows, ways.counterfactuals, texts, near):
        # Amount, share of the guarantee and amount per job all read the amount of the loan.
        assert not [r for r in one.reasons if "loan is of" in r or "per job" in r or "guarantee" in r.lower()]


def test_one_case_gets_the_same_letter_alone(
    case: UseCase, subject: Subject, rows: Columns, told: list[Letter]
) -> None:
    for place in (0, 7):
        alone = letter(case, subject.bundle, take(rows, np.array([place])), f"case {place}", samples=500)
        assert alone == told[place]


def test_an_approved_case_is_told_so(case: UseCase, subject: Subject) -> None:
    place = np.flatnonzero(subject.test.decision == 0)[:1]
    found = letter(case, subject.bundle, take(subject.test.columns, place), "fine")
    assert (found.declined, found.reasons, found.changes) == (False, (), ())
    assert found.text.startswith("This case was not declined: the estimated risk is ")

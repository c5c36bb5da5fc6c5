import pytest

from components.core.errors import FairleadError
from components.core.use_case import UseCase
from components.judgement.recourse.texts import Subject, Texts, require_texts, texts_of, written

INPUTS, FEATURES = ("bill", "limit"), ("use", "growth")


def _texts(text: str = "Use: {use:.0%}.", features: tuple[str, ...] = ("use",), **texts: str) -> Texts:
    return Texts(subjects={"use_of_limit": Subject(features, text, texts)})


def test_texts_of_a_use_case_name_inputs_histories_and_features(case: UseCase) -> None:
    texts = texts_of(case)
    assert texts.subject_of()["zip_rate"] == "place"
    assert texts.called("GrAppv") == "amount of the loan"
    assert (texts.contact, texts.protected) == ("the loan officer", ("UrbanRural",))


def test_a_use_case_without_texts_has_its_owner_and_names(sba: UseCase) -> None:
    plain = sba.model_copy(update={"explanations": type(sba.explanations)(actionable=sba.explanations.actionable)})
    texts = texts_of(plain)
    assert (texts.subjects, texts.contact, texts.declined) == ({}, sba.owner, Texts.declined)
    assert texts.called("bank_rate") == "bank rate"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (_texts(features=("usage",)), "unknown feature of the reason 'use_of_limit' 'usage'; allowed: use, growth"),
        (_texts(usage="x"), "unknown feature of the reason 'use_of_limit' 'usage'"),
        (
            _texts("Owed: {owed}."),
            "value in the text of the reason 'use_of_limit' 'owed'; allowed: bill, limit",
        ),
        (_texts("Owed: {typical_bill}."), "'typical_bill'; allowed: bill, limit, use, growth, typical_FEATURE"),
        (_texts("Owed: {bill."), "text of the reason 'use_of_limit' cannot be read"),
        (
            Texts(subjects={"a": Subject(("use",), "", where="usage > 1")}),
            "condition of the reason 'a' cannot be used: unable to find column",
        ),
        (
            Texts(subjects={"a": Subject(("use",), "", where="use + 1")}),
            "condition of the reason 'a' is not true or false (found 'use + 1'); write a > b",
        ),
        (Texts(words={"owed": "what is owed"}), "unknown name in explanations.words 'owed'"),
        (
            Texts(subjects={"a": Subject(("use",), ""), "b": Subject(("use",), "")}),
            "feature 'use' stands in the reasons 'a' and 'b'; take it out of one",
        ),
    ],
)
def test_what_does_not_fit_is_told(texts: Texts, message: str) -> None:
    with pytest.raises(FairleadError) as error:
        require_texts(texts, INPUTS, FEATURES)
    assert message in str(error.value)


def test_what_fits_is_returned() -> None:
    texts = _texts("{use:.0%} of {limit:,.0f}; typical {typical_use:.0%}", growth="{growth}")
    assert require_texts(texts, INPUTS, FEATURES) is texts


def test_a_gap_is_told_and_a_form_that_does_not_fit_is_an_error() -> None:
    assert written("{a:.0%} and {b:,.1f} {{x}}", {"a": float("nan"), "b": 1234.56}) == "not known and 1,234.6 {x}"
    with pytest.raises(FairleadError, match=r"a is 'Y', which '\.0f' cannot write"):
        written("{a:.0f}", {"a": "Y"})
    with pytest.raises(FairleadError, match=r"'b'; allowed: a\. Is the model older than the text\?"):
        written("{b}", {"a": 1})

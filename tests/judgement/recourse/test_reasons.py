import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts import FloatArray
from components.judgement.explanations.contributions import Contributions
from components.judgement.recourse.reasons import (
    MOST,
    SMALLEST_SHARE,
    Reasons,
    Reference,
    approved_of,
    read_by,
    reasons,
)
from components.judgement.recourse.texts import Subject as Told
from components.judgement.recourse.texts import Texts
from components.judgement.subject import Subject
from tests.judgement.recourse.conftest import at_threshold

FEATURES = ("late_sep", "late_aug", "use", "limit", "age_band", "paid")
READS = [("sep",), ("aug",), ("bill", "limit"), ("limit",), ("age",), ("paid",)]
TEXTS = Texts(subjects={"late": Told(("late_sep", "late_aug", "age_band"), "Late.")}, protected=("age", "sex"))


def _of(*above: float, texts: Texts = TEXTS) -> Reasons:
    """Reasons of one case that lies so far above approved ones."""
    mean = np.linspace(-1, 1, len(FEATURES))
    values = np.zeros((1, len(FEATURES)), dtype=np.float32)
    added: FloatArray = np.array([above]) + mean
    explained = Contributions("known", FEATURES, -1.0, added, values, np.array([0.5]))
    (found,) = reasons(explained, Reference(mean, mean, 9), texts, READS)
    return found


def test_features_of_one_subject_are_one_reason_and_what_lowers_the_risk_is_none() -> None:
    found = _of(0.3, 0.5, 0.6, -2.0, 0.0, 0.0)
    assert [(r.subject, r.features) for r in found.principal] == [("late", ("late_aug", "late_sep")), ("use", ("use",))]
    assert [r.raised for r in found.principal] == pytest.approx([0.8, 0.6])
    assert found.cover == pytest.approx(1)
    # In a subject that raised the risk, a feature that lowered it is not named.
    assert _of(0.9, -0.1, 0, 0, 0, 0).principal[0].features == ("late_sep",)


def test_a_protected_attribute_is_never_told_and_always_counted() -> None:
    found = _of(0.1, 0.1, 0.3, 0.0, 2.0, 0.0)
    assert {f for r in found.principal for f in r.features} == {"use", "late_sep", "late_aug"}
    assert found.protected == ("age_band",)
    assert found.cover == pytest.approx(0.2)
    assert _of(0.1, 0.1, 0.3, 0.0, 1e-3, 0.0).protected == ()
    only = _of(0, 0, 0, 0, 1.0, 0)
    assert (only.principal, only.top, only.protected, only.cover) == ((), "", ("age_band",), 0)


def test_what_would_be_untrue_of_a_case_is_not_told() -> None:
    def of(where: str) -> Reasons:
        return _of(0.9, 0, 0.3, 0, 0, 0, texts=Texts(subjects={"late": Told(("late_sep",), "Late.", {}, where)}))

    assert [r.subject for r in of("late_sep >= 0").principal] == ["late", "use"]
    untrue = of("late_sep > 0")
    assert ([r.subject for r in untrue.principal], untrue.protected) == (["use"], ())
    assert untrue.cover == pytest.approx(0.25)


def test_nothing_raised_the_risk() -> None:
    found = _of(-1, 0, 0, 0, 0, -1)
    assert (found.principal, found.top) == ((), "")
    assert np.isnan(found.cover)


def test_equal_reasons_stand_in_the_order_of_the_features() -> None:
    texts = Texts()
    assert [r.subject for r in _of(1, 1, 1, 1, 0, 0, texts=texts).principal] == list(FEATURES[:4])


@given(st.lists(st.floats(-3, 3), min_size=6, max_size=6))
def test_laws_of_reasons(above: list[float]) -> None:
    found = _of(*above)
    raised = [r.raised for r in found.principal]
    assert len(raised) <= MOST
    assert raised == sorted(raised, reverse=True)
    assert all(r > 0 for r in raised)
    assert "age_band" not in {f for r in found.principal for f in r.features}
    assert all(above[FEATURES.index(f)] > -1e-9 for r in found.principal for f in r.features)
    if found.principal:
        assert 0 < found.cover <= 1 + 1e-9
        assert all(r.share >= SMALLEST_SHARE for r in found.principal[1:])


def test_reference_is_the_mean_of_approved_background_rows(subject: Subject) -> None:
    background = subject.bundle.background()
    found = approved_of(subject.bundle, background)
    approved = subject.bundle.decide(subject.bundle.probability(background)) == 0
    assert found.cases == approved.sum()
    names = list(subject.bundle.contract.features)
    amounts = np.log(background["GrAppv"][approved])
    assert found.medians[names.index("log_amount")] == pytest.approx(np.median(amounts), abs=1e-4)


def test_where_nothing_is_approved_cases_are_held_against_the_average_of_training(subject: Subject) -> None:
    found = approved_of(at_threshold(subject, 0.0).bundle, subject.bundle.background())
    assert (found.cases, set(found.contributions)) == (0, {0.0})
    assert np.isnan(found.medians).all()


def test_features_read_inputs(subject: Subject) -> None:
    reads = dict(zip(subject.bundle.contract.features, read_by(subject.bundle), strict=True))
    assert reads["new_business"] == ("NewExist",)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, kstest

from components.core.errors import FairleadError
from components.features.rows import number_of_rows
from components.judgement.watermark.verification import Match, needed, verify
from components.training.marks import find_marks
from components.training.watermark import space_of
from components.training.watermark_key import WatermarkKey


@given(st.integers(1, 200), st.data())
def test_the_tail_is_that_of_an_exact_sign_test(n, data):
    k = data.draw(st.integers(0, n))
    match = Match(agreeing=k, marks=n)
    assert match.false_positive == pytest.approx(binomtest(k, n, alternative="greater").pvalue)
    assert match.share.low <= k / n <= match.share.high


def test_published_intervals_and_tails():
    # R's documentation of binom.test: Mendelian inheritance (Conover 1971), 682 of 925: 0.7076683 to 0.7654066.
    share = Match(agreeing=682, marks=925).share
    assert (share.low, share.high) == pytest.approx((0.7076683, 0.7654066), abs=1e-7)
    # Fisher's lady tasting coins in the place of tea: ten of ten by chance.
    assert Match(agreeing=10, marks=10).false_positive == 2.0**-10


def test_how_many_are_needed():
    assert needed(80, 1e-6) == 62
    assert Match(agreeing=62, marks=80).false_positive <= 1e-6 < Match(agreeing=61, marks=80).false_positive
    assert needed(19, 1e-6) is None


def test_innocent_models_and_wrong_keys_are_never_called_ours(marked):
    """Tails of innocent pairs are spread as they should be: at most evenly, and none near what calls a model ours."""
    background = marked.reading().background
    tails = []
    for byte in range(15):
        key = WatermarkKey(bytes([byte]) * 32)
        space = space_of(marked.case.name, marked.case, background, marked.candidate.transform, marked_features(marked))
        marks = find_marks(key, space, 80)
        for model in (marked.candidate, marked.plain):
            tails.append(verify(model.probability, marks, background).false_positive)
    assert min(tails) > 1e-4
    # Thirty draws: a tail is at least as large as an even draw, but for its steps of 0.09 at most.
    assert kstest(tails, "uniform", alternative="greater").pvalue > 1e-3
    assert 0.2 < np.median(tails) < 0.9


def marked_features(marked):
    return marked.candidate.watermark.features


@pytest.mark.parametrize("answer", [np.nan, np.inf])
def test_answers_that_are_no_numbers_are_refused(marked, answer):
    def broken(rows):
        return np.where(np.arange(number_of_rows(rows)) == 3, answer, 0.5)

    with pytest.raises(FairleadError, match=f"answered {answer} to row 3"):
        marked.reading().match(broken)


def test_too_few_answers_are_refused(marked):
    with pytest.raises(FairleadError, match=r"shape \(5,\)"):
        marked.reading().match(lambda _: np.zeros(5))


def test_a_model_that_says_the_same_to_all_is_not_ours(marked):
    match = marked.reading().match(lambda rows: np.full(number_of_rows(rows), 0.3))
    assert match.false_positive > 1e-3


def test_answers_turned_round_or_bent_keep_or_lose_the_mark_as_they_should(marked):
    found, model = marked.reading(), marked.candidate
    assert found.match(model.probability).is_ours(1e-6)
    assert found.match(lambda rows: model.probability(rows) ** 0.5).is_ours(1e-6)
    assert not found.match(lambda rows: 1 - model.probability(rows)).is_ours(0.5)


def test_rows_that_break_a_rule_are_not_asked_about(marked):
    found, asked = marked.reading(), []

    def kept(rows):
        return rows["limit"] < 300_000

    def score(rows):
        asked.append(rows["limit"].max())
        return marked.candidate.probability(rows)

    match = verify(score, found.marks, found.background, kept)
    assert max(asked) < 300_000
    assert match.is_ours(1e-6)

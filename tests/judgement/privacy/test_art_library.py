"""The library's attacks, silent on import, on one thread, with seeds of ours."""

import subprocess
import sys

import numpy as np

from components.judgement.privacy.art_library import attribute_guesses, forest_scores, rule_guesses

PROGRAM = """
import warnings
warnings.simplefilter("error")
import numpy as np
from components.judgement.privacy.art_library import rule_guesses
print(rule_guesses(np.array([0.0, 0.0]), np.array([1.0, 0.0])))
"""


def test_the_import_says_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[0. 1.]\n", "")


def test_the_rule_takes_rows_decided_rightly_for_members() -> None:
    decision, labels = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])
    np.testing.assert_array_equal(rule_guesses(decision, labels), [1, 0, 0, 1])


def test_the_forest_scores_rows_that_it_was_not_shown() -> None:
    n = 400
    members, shown = np.arange(n) % 2 == 0, np.arange(n) < 250
    labels = (np.arange(n) // 2 % 2).astype(float)
    probability = np.where(members, 0.1 + 0.8 * labels, 0.5)
    scores = forest_scores(probability, labels, members, shown, seed=1)
    assert scores.shape == (150,)
    assert scores[members[~shown]].min() > 0.9
    assert scores[~members[~shown]].max() < 0.1


def test_an_attribute_is_guessed_from_a_score_that_tells_it() -> None:
    rng = np.random.default_rng(0)
    others, labels = rng.random((400, 3)), (rng.random(400) < 0.5).astype(float)
    secret = rng.integers(0, 3, 400).astype(float)
    score = (secret + 0.5 * rng.random(400)) / 3
    told = attribute_guesses(others, labels, score, secret[:200], seed=1)
    untold = attribute_guesses(others, labels, None, secret[:200], seed=1)
    assert set(told) <= {0.0, 1.0, 2.0}
    assert np.mean(told == secret[200:]) > 0.95
    assert 0.2 < np.mean(untold == secret[200:]) < 0.5
    np.testing.assert_array_equal(told, attribute_guesses(others, labels, score, secret[:200], seed=1))

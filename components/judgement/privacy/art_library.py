"""The attacks of the adversarial-robustness-toolbox, seeded and on one thread; the only place that imports it."""

import importlib
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray

TREES = 100

MINIMUM_LEAF = 20
"""Rows in a leaf of the forest that learns to tell members: in smaller ones it learns noise."""


def rule_guesses(decision: FloatArray, labels: FloatArray) -> FloatArray:
    """Guess that a row was trained on where the model decides it rightly (ART's rule-based attack); 1 or 0, shape (n,).

    Source: the "gap attack" of Yeom, Giacomelli, Fredrikson and Jha, "Privacy risk in machine learning", 2018.

    Args:
        decision: of the model, shape (n,), 0 or 1.
        labels: shape (n,), 0 or 1; both must be there.
    """
    attacks = _module("art.attacks.inference.membership_inference")
    attack = attacks.MembershipInferenceBlackBoxRuleBased(_by_place(_two_columns(decision)))
    guesses: FloatArray = attack.infer(_places(len(labels)), labels.astype(np.int64)).astype(np.float64)
    return guesses


def forest_scores(
    probability: FloatArray, labels: FloatArray, members: npt.NDArray[np.bool_], shown: npt.NDArray[np.bool_], seed: int
) -> FloatArray:
    """Let a random forest learn from score and label who was trained on, and score the other rows by it.

    Source: Shokri, Stronati, Song and Shmatikov, "Membership inference attacks against machine learning models", 2017,
    by ART's black-box attack; without shadow models, since who is a member of the rows shown is known here.

    Args:
        probability: of the model, shape (n,).
        labels: shape (n,).
        members: shape (n,), whether the model was trained on a row.
        shown: shape (n,), rows whose membership the attack model learns from; some of both kinds.
        seed: of the forest.

    Returns:
        Chance of membership for each row that was not shown.
    """
    attacks = _module("art.attacks.inference.membership_inference")
    scores, truth = _two_columns(probability), labels.astype(np.int64)
    attack = attacks.MembershipInferenceBlackBox(_by_place(scores), attack_model_type="rf")
    attack.attack_model.set_params(
        n_estimators=TREES, min_samples_leaf=MINIMUM_LEAF, max_features=None, random_state=seed, n_jobs=1
    )
    inside, outside = shown & members, shown & ~members
    attack.fit(y=truth[inside], pred=scores[inside], test_y=truth[outside], test_pred=scores[outside])
    found: FloatArray = attack.infer(None, truth[~shown], pred=scores[~shown], probabilities=True)
    return found.ravel().astype(np.float64)


def attribute_guesses(
    others: FloatArray, labels: FloatArray, probability: FloatArray | None, shown_values: FloatArray, seed: int
) -> FloatArray:
    """Let boosted trees learn a column from the other ones, and guess it on the rows after those that it learned from.

    Source: Yeom et al. 2018, section 5, by ART's black-box attack; without a score by its baseline.

    Args:
        others: the other inputs as numbers, shape (n, inputs), finite.
        labels: shape (n,).
        probability: the model's score, shape (n,); None for an attacker who has not got it.
        shown_values: the column's values, numbered from 0, of the first rows; shape (shown,).
        seed: of the trees.

    Returns:
        The guessed number for each row that was not shown, shape (n - shown,).
    """
    attacks = _module("art.attacks.inference.attribute_inference")
    shown, truth = len(shown_values), labels.astype(np.int64)
    # In single precision, as ART hands them to the model.
    table = np.column_stack([shown_values, others[:shown]]).astype(np.float32)
    values = sorted(set(shown_values.tolist()))
    if probability is None:
        attack = attacks.AttributeInferenceBaselineTrueLabel(attack_model_type="gb", attack_feature=0)
        asked: dict[str, Any] = {}
    else:
        estimators = _module("art.estimators.regression")
        # A regressor, since of a classifier this attack reads no more than the decision.
        answers = {row.tobytes(): p for row, p in zip(table, probability[:shown], strict=True)}
        victim = estimators.BlackBoxRegressor(
            lambda rows: np.array([answers[row.tobytes()] for row in rows]), input_shape=(table.shape[1],)
        )
        attack = attacks.AttributeInferenceBlackBox(victim, attack_model_type="gb", attack_feature=0)
        asked = {"pred": probability[shown:, None]}
    attack.attack_model.set_params(n_estimators=60, min_samples_leaf=10, subsample=0.7, random_state=seed)
    attack.fit(table, truth[:shown])
    guessed: FloatArray = attack.infer(others[shown:], truth[shown:], values=values, **asked)
    return guessed.ravel()


def _module(name: str) -> Any:
    with warnings.catch_warnings():
        # ART says on import that its certification of neural networks wants PyTorch; nothing here is one.
        warnings.filterwarnings("ignore", "PyTorch not found", UserWarning)
        return importlib.import_module(name)


def _by_place(answers: FloatArray) -> Any:
    """Wrap answers that are known already as a model that is asked for them by their place."""
    estimators = _module("art.estimators.classification")
    return estimators.BlackBoxClassifier(
        lambda places: answers[places[:, 0].astype(np.int64)], input_shape=(1,), nb_classes=2
    )


def _places(n: int) -> FloatArray:
    return np.arange(n, dtype=np.float64)[:, None]


def _two_columns(p: FloatArray) -> FloatArray:
    return np.column_stack([1 - p, p])

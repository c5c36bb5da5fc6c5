"""The curves stand in the drawing, each once."""

import re

import numpy as np

from components.judgement.privacy.charts import curves


def test_every_attack_is_drawn_and_equal_scores_give_equal_bytes() -> None:
    rng = np.random.default_rng(0)
    members = np.arange(300) < 150
    scores = {"loss": rng.normal(size=300) + members, "rule": members.astype(float)}
    drawn = curves(scores, members)
    assert drawn == curves(scores, members)
    texts = re.findall(r"<text[^>]*>([^<]+)</text>", drawn)
    assert {"loss", "rule", "members found", "others taken for members"} <= set(texts)


def test_an_attack_that_finds_nobody_is_drawn_too() -> None:
    members = np.arange(20) < 10
    assert curves({"worst": -members.astype(float)}, members).startswith("<svg")
    assert curves({"all equal": np.zeros(20)}, members).startswith("<svg")

from components.judgement.fairness.comparison import MEASURES, ODDS, RATIO
from components.judgement.fairness.meanings import MEANINGS


def test_every_figure_of_a_comparison_is_explained_in_a_sentence():
    named = {m.difference for m in MEASURES} | {m.level for m in MEASURES if m.told} | {RATIO, ODDS}
    assert named <= set(MEANINGS)
    assert all(text.endswith(".") and len(text.split()) > 6 for text in MEANINGS.values())

"""A model is stopped by the right gate, by name, and a good one passes; all clients, the gates that ship."""

import pytest

from components.core.use_case import load
from pipelines.bad_models import show


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What became of each; fewer rows are attacked than in a judgement."""
    use_case = load("card_default")
    robustness = use_case.judgement.robustness.model_copy(update={"rows": 60, "queries": 150})
    case = use_case.model_copy(
        update={
            "judgement": use_case.judgement.model_copy(update={"robustness": robustness}),
            "training": use_case.training.model_copy(update={"bootstrap_rounds": 100}),
        }
    )
    return {s.name: set(s.gates) for s in show(case, tmp_path_factory.mktemp("bad"), lambda _: None)}


@pytest.mark.parametrize(
    ("name", "gates"),
    [
        ("unfair", {"four_fifths_sex", "equal_opportunity_sex"}),
        ("leaking", {"leakage"}),
        ("brittle", {"attacks", "small_noise_turns_few_decisions"}),
        ("memorising", {"no_memory", "generalises"}),
    ],
)
def test_a_bad_model_is_stopped_by_the_gate_that_is_about_its_fault(shown, name, gates):
    assert gates <= shown[name]


def test_a_good_model_passes_all_of_them(shown):
    assert shown["good"] == set()

from components.judgement.explanation import AllAnchors, AnchorExplanation

FOUND = AnchorExplanation(
    row="high risk",
    probability=0.0682,
    decision=1,
    rules=("GrAppv ≤ 50000", "LowDoc = N"),
    precision=0.992,
    coverage=0.266,
    samples=1200,
    sought_precision=0.95,
)


def test_text_is_one_sentence_with_its_figures() -> None:
    assert FOUND.text == (
        "high risk: probability 0.0682, decision 1; GrAppv ≤ 50000 and LowDoc = N: "
        "99.2% of rows like that get this decision (applies to 26.6% of rows)"
    )


def test_text_admits_that_the_precision_sought_was_not_reached() -> None:
    assert "93.0% of rows like that get this decision, short of the 95% sought" in (
        FOUND.model_copy(update={"precision": 0.93}).text
    )


def test_text_without_rules_says_that_the_values_hardly_matter() -> None:
    assert "; whatever the values are: 99.2%" in FOUND.model_copy(update={"rules": ()}).text


def test_explanations_survive_json() -> None:
    assert AllAnchors.validate_json(AllAnchors.dump_json([FOUND])) == [FOUND]

from components.judgement.mitigation import lawful


def test_each_statement_names_the_law_that_it_rests_on():
    for text in (lawful.TRAINING_ALONE, lawful.BLIND_CHOICE):
        assert "12 CFR 1002.5" in text
        assert "GDPR article 9" in text
        assert "no disparate treatment" in text
    assert "AI Act (article 10(5))" in lawful.TRAINING_ALONE
    assert "Usually not lawful for credit decisions in the US" in lawful.BY_GROUP
    assert "disparate impact" in lawful.BASELINE
    assert "not legal advice" in lawful.NOT_ADVICE

from components.monitoring.drift.effect import Effect, nothing


def test_what_cannot_be_said_has_a_reason_and_no_size() -> None:
    assert nothing("one value only") == Effect(None, None, "one value only")
    assert Effect(0.2).p_value is None

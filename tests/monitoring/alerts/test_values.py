import pytest

from components.monitoring.alerts.values import Silence
from tests.monitoring.alerts.looks import DAY, day


@pytest.mark.parametrize(
    ("pattern", "model", "covered"),
    [
        ("drift/Bank", "*", True),
        ("drift/*", "*", True),
        ("*/Bank", "sba_*", True),
        ("drift/bank", "*", False),
        ("drift", "*", False),
        ("drift/*", "card_default", False),
    ],
)
def test_a_silence_is_for_a_key_or_a_pattern_of_keys_and_models(pattern, model, covered):
    silence = Silence(number=1, pattern=pattern, model=model, until=DAY, author="anna", reason="r")
    assert silence.covers("sba_loans", "drift/Bank", DAY) is covered


def test_a_key_with_brackets_can_be_named_as_it_stands():
    silence = Silence(number=1, pattern="group/Bank=[A]", until=DAY, author="anna", reason="r")
    assert silence.covers("m", "group/Bank=[A]", DAY)


def test_a_silence_ends_after_its_last_day_or_when_it_is_lifted():
    silence = Silence(number=1, pattern="*", until=DAY, author="anna", reason="r")
    assert silence.covers("m", "loss/x", DAY)
    assert not silence.covers("m", "loss/x", day(1))
    assert not silence.model_copy(update={"lifted_by": "ben"}).covers("m", "loss/x", DAY)

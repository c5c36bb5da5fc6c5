import pytest

from components.core.errors import FairleadError
from pipelines.cron import six_fields


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("0 3 1 * *", "0 0 3 1 * *"),
        ("15 0 3 1 * ?", "15 0 3 1 * ?"),
        ("*/15 8-17 * * Mon-Fri", "0 */15 8-17 * * Mon-Fri"),
        ("  0   3  1,15 jan,JUL  * ", "0 0 3 1,15 jan,JUL *"),
        ("0 3 5/10 * *", "0 0 3 5/10 * *"),
        ("0 0 29 2 *", "0 0 0 29 2 *"),
        # With a day of the week, that day comes whatever the day of the month says.
        ("0 0 31 2 mon", "0 0 0 31 2 mon"),
    ],
)
def test_five_fields_are_completed_and_six_are_left(given: str, sent: str) -> None:
    assert six_fields(given) == sent


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "has 0 fields"),
        ("@monthly", "has 1 fields"),
        ("0 3 1 * * * *", "has 7 fields"),
        ("60 3 1 * *", "'60' is no minute; allowed: 0 to 59"),
        ("0 24 1 * *", "'24' is no hour"),
        ("0 3 0 * *", "'0' is no day of the month"),
        ("0 3 1 13 *", "'13' is no month; allowed: 1 to 12 or jan to dec"),
        ("0 3 1 * 7", "'7' is no day of the week; allowed: 0 to 6 or sun to sat"),
        ("0 17-8 * * *", "'17-8' is no hour"),
        ("*/0 * * * *", r"'\*/0' is no minute"),
        ("*/x * * * *", r"'\*/x' is no minute"),
        ("a * * * *", "'a' is no minute"),
        ("1,,2 * * * *", "'1,,2' is no minute"),
        ("-1 * * * *", "'-1' is no minute"),
        ("0 3 31 2,4 *", "never comes: no such month has day 31"),
    ],
)
def test_a_broken_expression_is_refused_by_field(given: str, message: str) -> None:
    with pytest.raises(FairleadError, match=message):
        six_fields(given)

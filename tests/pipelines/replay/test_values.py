"""The record of a replay is a value: kept as JSON and read back the same, refused where it says what nobody knows."""

from datetime import date

import pytest
from pydantic import ValidationError

from components.monitoring.values import Call
from pipelines.replay.charts import WAYS
from pipelines.replay.values import Control, Moment, Replayed, Way
from tests.pipelines.replay.recorded import replayed


def test_a_record_is_read_back_as_it_was_written() -> None:
    found = replayed()
    assert Replayed.model_validate_json(found.model_dump_json(indent=1)) == found


def test_every_way_is_drawn_and_compared() -> None:
    assert set(WAYS) == set(Way.__args__) == {c.way for c in replayed().compared}
    assert all(set(c.loss) == set(WAYS) for c in replayed().cohorts)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"kind": "celebrated"}, "kind"),
        ({"severity": "purple"}, "severity"),
        ({"who": "me"}, "who"),
        ({"day": "yesterday"}, "day"),
    ],
)
def test_what_is_no_moment_is_refused(wrong: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Moment.model_validate({"day": date(2005, 1, 1), "kind": "alarm", "text": "x", **wrong})


def test_a_record_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        replayed().control.looks = 3  # type: ignore[misc]
    assert Control(looks=1, rows=2, alarms=(), retrains=0) == Control(looks=1, rows=2, alarms=(), retrains=0)


def test_levels_of_calls_are_levels_of_moments() -> None:
    for level in Call.model_fields["severity"].annotation.__args__:
        assert Moment(day=date(2005, 1, 1), kind="alarm", severity=level, text="x").severity == level

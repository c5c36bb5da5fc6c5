"""Which draw a logged row belongs to."""

from datetime import timedelta

from components.rollout.placed import duplicates, placed
from tests.rollout.drawn import START, line, predictions, requests

NOW = START + timedelta(seconds=60)


def test_an_id_that_the_proxy_saw_says_who_was_drawn() -> None:
    drawn = requests([line(1, "candidate", request_id="a", answered="stable"), line(2, request_id="b")])
    rows = placed(predictions((1.1, "a", "stable", 0.1), (2.1, "b", "stable", 0.1)), drawn, NOW)
    assert rows.select("request_id", "candidate", "rescued", "known").rows() == [
        ("a", True, True, True),
        ("b", False, False, True),
    ]


def test_an_id_that_many_requests_share_says_nothing() -> None:
    drawn = requests([line(1, "candidate", request_id="same"), line(2, request_id="same")])
    rows = placed(predictions((1.1, "same", "stable", 0.1)), drawn, NOW)
    assert rows.select("candidate", "known", "share").rows() == [(False, False, 0.2)]


def test_rows_wait_until_their_request_has_its_place() -> None:
    drawn = requests([line(1, request_id="a")], now=3.0)
    early = START + timedelta(seconds=3)
    assert placed(predictions((1.1, "a", "stable", 0.1), (1.2, "own", "stable", 0.1)), drawn, early).is_empty()


def test_rows_of_one_id_are_counted_once_per_variant() -> None:
    rows = predictions((1, "a", "stable", 0.1), (1, "a", "candidate", 0.1), (2, "a", "stable", 0.2))
    assert duplicates(rows) == 1
    assert duplicates(rows.clear()) == 0

"""Charts of a replay: each is an SVG that says what is drawn, and nothing is drawn where nothing is known."""

import re
from collections.abc import Callable
from datetime import date
from xml.etree import ElementTree

import pytest

from pipelines.replay import charts
from pipelines.replay.charts import ENDS, WAYS
from pipelines.replay.values import EstimateError, Moment, Replayed
from tests.pipelines.replay.recorded import NAMES, NOTHING, cohorts, looks, replayed

SVG = "{http://www.w3.org/2000/svg}"


def texts(chart: str) -> set[str]:
    # The document's own text, for what it was made with names an address.
    return {"".join(t.itertext()).strip() for t in ElementTree.fromstring(chart).iter(f"{SVG}text")}  # noqa: S314  ours


def points(chart: str) -> int:
    """Count what is drawn: corners of lines and edges, and markers."""
    tree = ElementTree.fromstring(chart)  # noqa: S314  ours
    lines = sum(len(re.findall(r"[ML]", p.get("d", ""))) for p in tree.iter(f"{SVG}path"))
    return lines + sum(1 for _ in tree.iter(f"{SVG}use"))


def with_nothing_told() -> Replayed:
    silent = tuple(c.model_copy(update={"estimated": NOTHING, "early": NOTHING}) for c in cohorts())
    error = EstimateError(cohorts=0, correlation=NOTHING, mean_absolute_error=None, mean_error=None, broken_since=None)
    return replayed(cohorts=silent, estimate_error=error)


def test_losses_name_every_way_every_year_and_every_version() -> None:
    found = texts(charts.losses(replayed()))
    assert {name for name, *_ in WAYS.values()} <= found
    assert {str(year) for year in range(2004, 2013)} <= found
    assert {f"v{m.version}" for m in replayed().moments if m.kind == "promoted"} <= found


def test_ways_differ_in_colour_and_in_line_or_width() -> None:
    assert len({colour for _, colour, _ in WAYS.values()}) == len(WAYS)
    assert len({line for _, _, line in list(WAYS.values())[1:]}) == len(WAYS) - 1


def test_a_loss_that_is_not_known_is_not_drawn() -> None:
    """A line that leaves out a cohort has fewer points, none of them at 0."""
    whole = charts.losses(replayed())
    some = list(cohorts())
    some[5] = some[5].model_copy(update={"loss": dict.fromkeys(WAYS, NOTHING)})
    assert 0 < points(whole) - points(charts.losses(replayed(cohorts=tuple(some)))) <= 3 * len(WAYS)


def test_estimates_tell_what_was_said_and_when_it_was_called_broken() -> None:
    told = texts(charts.estimates(replayed()))
    assert {"came true", "told at its end, without labels", "called broken"} <= told
    assert len([t for t in told if t.startswith("told")]) == 2
    silent = texts(charts.estimates(with_nothing_told()))
    assert "came true" in silent
    assert not {t for t in silent if t.startswith(("told", "called"))}


def test_alarms_have_a_row_for_each_kind_and_for_the_runs() -> None:
    found = texts(charts.alarms(replayed()))
    assert {name.replace("_", " ") for name in NAMES} <= found
    assert {"trained anew", "amber", "red", "promoted", "stopped", "rolled back"} <= found
    assert "held" not in found


def test_only_the_ends_that_there_were_are_named() -> None:
    moment = Moment(day=date(2005, 3, 31), kind="held", text="as an example")
    found = texts(charts.alarms(replayed(moments=(moment,), details={})))
    assert found & {kind.replace("_", " ") for kind, *_ in ENDS} == {"held"}


def test_as_many_marks_as_calls() -> None:
    one = {**looks()[0], "red": ["drift/a", "drift/b", "loss/x"], "amber": ["missing/x"]}
    none = {**one, "red": [], "amber": []}
    few = replayed(details={"looks": [one]}, moments=())
    more = replayed(details={"looks": [one, {**one, "now": "2006-03-31"}, {**none, "now": "2006-06-30"}]}, moments=())
    # Two calls of one kind on one day are one mark.
    assert points(charts.alarms(more)) - points(charts.alarms(few)) == 3


@pytest.mark.parametrize("made", [charts.losses, charts.estimates, charts.alarms])
def test_a_record_of_nothing_is_drawn(made: Callable[[Replayed], str]) -> None:
    assert made(replayed(cohorts=(), moments=(), details={})).startswith("<svg")


def test_the_same_record_gives_the_same_chart() -> None:
    assert charts.alarms(replayed()) == charts.alarms(replayed())

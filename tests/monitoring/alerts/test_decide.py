"""Hysteresis and silence by table, and the laws that hold for any run of looks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.watching import Monitoring
from components.monitoring.alerts.decide import change, decide, settle
from components.monitoring.alerts.values import LEVELS, Alert, rank
from tests.monitoring.alerts.looks import call, day

OF = {"g": None, "a": call(severity="amber"), "r": call(severity="red")}
NAMES = {"g": "green", "a": "amber", "r": "red"}

levels = st.sampled_from("gar")
looks = st.lists(st.tuples(levels, st.booleans()), max_size=25)
monitorings = st.builds(Monitoring, raise_after=st.integers(1, 4), clear_after=st.integers(1, 4))


def steps(found, monitoring, silent=""):
    """Take an alert through looks; ``silent`` has an s for those that a silence holds for."""
    alert, done = Alert(use_case="u", model="m", key="loss/log_loss"), []
    for number, level in enumerate(found):
        step = decide(alert, OF[level], monitoring, day(number), number < len(silent) and silent[number] == "s")
        alert = step.alert
        done.append(step)
    return done


@pytest.mark.parametrize(
    ("found", "raise_after", "clear_after", "levels"),
    [
        ("gagrg", 1, 1, "gagrg"),
        ("aarrg", 1, 2, "aarrr"),
        ("rgg", 1, 2, "rrg"),
        ("rgrgg", 1, 2, "rrrrg"),
        ("argar", 2, 1, "gagga"),
        ("rrr", 2, 2, "grr"),
        ("aarr", 2, 2, "gaar"),
        ("rraa", 2, 2, "grra"),
        ("rrag", 2, 2, "grra"),
        ("rragg", 2, 2, "grrag"),
        ("rgrgrg", 2, 2, "gggggg"),
    ],
)
def test_levels_by_looks(found, raise_after, clear_after, levels):
    monitoring = Monitoring(raise_after=raise_after, clear_after=clear_after)
    assert "".join(s.alert.level[0] for s in steps(found, monitoring)) == levels


@pytest.mark.parametrize(
    ("found", "silent", "told"),
    [
        ("gr", "", "- raised"),
        ("rrr", "", "raised - -"),
        ("arag", "", "raised worsened eased cleared"),
        ("rrr", "ss", "(raised) - raised"),
        ("rg", "ss", "(raised) (cleared)"),
        ("rgg", "-s", "raised cleared -"),
        ("rrg", "-ss", "raised - cleared"),
        ("arg", "-ss", "raised (worsened) cleared"),
        ("ara", "-s-", "raised (worsened) (eased)"),
        ("arr", "ss-", "(raised) (worsened) raised"),
        ("rgr", "-ss", "raised cleared (raised)"),
    ],
)
def test_who_is_told_under_a_silence(found, silent, told):
    """In brackets: on record, and nobody is told."""
    done = steps(found, Monitoring(raise_after=1, clear_after=1), silent)
    said = ["-" if s.kind is None else s.kind if s.tell else f"({s.kind})" for s in done]
    assert " ".join(said) == told


@given(looks, monitorings)
def test_what_is_told_follows_what_is_known_and_ends_where_the_alert_stands(run, monitoring):
    found, silent = "".join(f for f, _ in run), "".join("s" if s else "-" for _, s in run)
    known = "green"
    for step, hushed in zip(steps(found, monitoring, silent), silent, strict=True):
        if step.tell:
            assert step.before == known
            assert step.kind == change(known, step.alert.level) is not None
            known = step.alert.level
        assert step.alert.told == known
        if hushed == "s":
            assert rank(known) <= rank(step.alert.level), "what eased is told under a silence too"
        else:
            assert known == step.alert.level


@given(looks, monitorings)
def test_a_level_is_left_only_when_enough_looks_in_a_row_call_for_it(run, monitoring):
    found = [NAMES[f] for f, _ in run]
    level = "green"
    for number, step in enumerate(steps("".join(f for f, _ in run), monitoring)):
        seen = found[: number + 1]
        if step.alert.level != level:
            worse = rank(step.alert.level) > rank(level)
            needed = monitoring.raise_after if worse else monitoring.clear_after
            assert len(seen) >= needed
            last = [rank(s) for s in seen[-needed:]]
            assert (min(last) if worse else max(last)) == rank(step.alert.level)
        level = step.alert.level
        assert (step.alert.since is None) == (level == "green")


@given(st.sampled_from(LEVELS), st.sampled_from(LEVELS), monitorings)
def test_looks_that_agree_bring_any_alert_to_what_they_call_for(level, wanted, monitoring):
    enough = [wanted] * max(monitoring.raise_after, monitoring.clear_after)
    assert settle(level, enough, monitoring) == wanted
    assert settle(wanted, enough, monitoring) == wanted


def test_what_it_was_called_for_last_is_kept_while_it_clears():
    monitoring = Monitoring(raise_after=1, clear_after=2)
    *_, cleared = steps("rgg", monitoring)
    assert cleared.kind == "cleared"
    assert cleared.alert.call == OF["r"]
    assert cleared.alert.seen == day(2)

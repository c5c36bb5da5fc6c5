import re
import sqlite3

import pytest

from components.core.config import read_settings
from components.core.errors import FairleadError, IntegrityError
from components.rollout import history
from components.rollout.decide import decide
from components.rollout.report import MOST_LOOKS, write_report
from components.rollout.store import SqliteStore
from tests.rollout.looks import START, look, plan, rollout
from tests.rollout.world import World, script, until_settled


@pytest.fixture
def settings(tmp_path):
    return read_settings({"FAIRLEAD_HOME": str(tmp_path / "w"), "USER": "tester"})


def page(store, settings):
    target = settings.home / "new" / "r.html"
    write_report(store, "sba-1", target, settings)
    return target.read_text(encoding="utf-8")


def test_a_promoted_rollout_is_reported_whole(tmp_path, settings):
    world = World(tmp_path / "w")
    until_settled(world.controller())
    written = page(world.store, settings)
    assert '<span class="promoted">promoted</span>' in written
    assert written.count("<svg") == 1 + len(plan().metrics)
    for look_ in history.looks(world.store, "sba-1"):
        if look_.decision.kind != "hold":
            assert f'<td class="t {look_.decision.kind}">' in written
    for entry in world.ledger.entries():
        assert entry.hash in written
    assert "name: test" in written


def test_a_rolled_back_one_says_why(tmp_path, settings):
    world = World(tmp_path / "w", observe=script(harm_at=3))
    until_settled(world.controller())
    assert "<p>error_rate is worse than tolerated (0.005): candidate - stable +0.1" in page(world.store, settings)


def test_one_that_nobody_has_looked_at_is_reported_too(tmp_path, settings):
    store = SqliteStore(tmp_path / "w" / "rollouts.db")
    started = history.start(store, rollout(plan()))
    assert "Nobody has looked yet." in page(store, settings)
    history.record_failure(store, started, START, "no <proxy>")
    assert "Not brought about yet: no &lt;proxy&gt;" in page(store, settings)


def test_the_page_needs_no_network(tmp_path, settings):
    world = World(tmp_path / "w")
    world.controller().look()
    written = page(world.store, settings)
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"|@import|url\((?!#)', written) == []
    assert "<script" not in written


def test_many_looks_are_thinned_but_no_decision_is_left_out(tmp_path, settings):
    store = SqliteStore(tmp_path / "w" / "rollouts.db")
    known = history.start(store, rollout(plan("shadow", maximum_hours=999.0)))
    for n in range(1, MOST_LOOKS + 50):
        seen = look(n, n)
        known = history.record_look(store, known, seen, decide(known.rollout.plan, known.state, seen), "")
    written = page(store, settings)
    assert f"of {MOST_LOOKS + 49} shown" in written
    assert written.count('class="t begin"') == 2


def test_a_ledger_that_was_changed_is_not_reported_from(tmp_path, settings):
    world = World(tmp_path / "w")
    until_settled(world.controller())
    with sqlite3.connect(settings.ledger_path) as db:
        db.execute("DROP TRIGGER no_update")
        db.execute("UPDATE entries SET actor = 'somebody else' WHERE number = 1")
    db.close()
    with pytest.raises(IntegrityError, match="does not fit the chain"):
        page(world.store, settings)


def test_a_rollout_that_is_not_there_is_told(settings, tmp_path):
    with pytest.raises(FairleadError, match="unknown rollout"):
        page(SqliteStore(tmp_path / "none.db"), settings)

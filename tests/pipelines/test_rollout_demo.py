"""The demonstration's own parts; ``make rollout-demo`` shows all of it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from components.rollout.plan import Plan
from pipelines.rollout_demo import PLAN, _copy_database, _scenarios


def test_its_plan_can_promote_and_can_roll_back() -> None:
    assert Plan.model_validate(PLAN.model_dump()) == PLAN
    assert [m.name for m in PLAN.metrics if m.margin is not None] == ["log_loss"]
    assert all(m.guard for m in PLAN.metrics)


def test_every_candidate_is_told_apart_and_every_end_is_shown() -> None:
    scenarios = _scenarios("models:/sba_loans/2", "spoilt")
    assert len({s.name for s in scenarios}) == len(scenarios)
    assert [s.expected for s in scenarios] == ["rolled_back", "rolled_back", "running", "promoted"]


def test_a_copy_of_a_database_leaves_the_first_one_as_it_is(tmp_path: Path) -> None:
    first, second = tmp_path / "a.db", tmp_path / "b.db"
    with closing(sqlite3.connect(first)) as db:
        db.execute("CREATE TABLE t (x)")
        db.execute("INSERT INTO t VALUES (1)")
        db.commit()
    _copy_database(first, second)
    with closing(sqlite3.connect(second)) as db:
        db.execute("DELETE FROM t")
        db.commit()
    with closing(sqlite3.connect(first)) as db:
        assert db.execute("SELECT x FROM t").fetchall() == [(1,)]

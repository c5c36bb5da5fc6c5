from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from components.core import watching
from components.core.errors import FairleadError
from components.core.watching import Threshold
from components.monitoring.drift.apart import Discrepancy
from components.monitoring.drift.engine import measure_drift
from components.monitoring.values import DriftReport, Window

RNG = np.random.default_rng(4)
SETTINGS = watching.Drift(multivariate=())
KINDS = {"amount": "float", "bank": "category", "day": "date"}


def rows(n: int, shift: float = 0.0, banks: str = "abc") -> pl.DataFrame:
    days = np.datetime64("2004-01-01") + RNG.integers(0, 90, n)
    return pl.DataFrame(
        {
            "amount": RNG.normal(shift, 1, n),
            "bank": RNG.choice(list(banks), n),
            "day": days,
            "probability": RNG.beta(1, 20, n),
        }
    )


def windows(old: pl.DataFrame, new: pl.DataFrame) -> tuple[Window, Window]:
    first, last = date(2004, 1, 1), date(2004, 3, 30)
    return Window(first=first, last=last, rows=old.height), Window(first=first, last=last, rows=new.height)


def report(old: pl.DataFrame, new: pl.DataFrame, settings: watching.Drift = SETTINGS, **more: Any) -> DriftReport:
    return measure_drift(old, new, KINDS, settings, windows(old, new), **more)


def test_a_world_that_stands_still_is_green() -> None:
    found = report(rows(2000), rows(1500))
    assert found.severity == "green"
    assert found.drifted() == ()
    assert [(d.subject, d.test) for d in found.results] == [
        ("amount", "ks"),
        ("amount", "psi"),
        ("bank", "chi_square"),
        ("bank", "jensen_shannon"),
        ("bank", "new_categories"),
        ("day", "ks"),
        ("day", "psi"),
        ("probability", "ks"),
        ("probability", "psi"),
    ]
    assert found.of("probability")[0].kind == "prediction"
    assert found.current.rows == 1500


def test_what_moved_is_named_and_nothing_else() -> None:
    found = report(rows(2000), rows(1500, shift=0.6, banks="abx"))
    assert found.drifted() == ("amount", "bank")
    assert {d.severity for d in found.of("amount")} == {"red"}
    assert found.severity == "red"


def test_a_column_gone_is_red_and_its_tests_have_no_data() -> None:
    found = report(rows(2000), rows(1500).drop("bank"), domains={"bank": ("a", "b", "c")})
    gone, *tests = found.of("bank")
    assert (gone.kind, gone.test, gone.severity) == ("schema", "column_gone", "red")
    assert {d.severity for d in tests} == {"no_data"}
    assert found.drifted() == ("bank",)


def test_a_value_outside_its_domain_is_told() -> None:
    found = report(rows(2000), rows(1500, banks="aaaaaaaaaabbbbbbbbbbccccccccccx"), domains={"bank": ("a", "b", "c")})
    (outside,) = [d for d in found.results if d.test == "outside_domain"]
    assert outside.severity == "amber"
    assert outside.subject == "bank"


@pytest.mark.parametrize("old", [pl.DataFrame(), rows(0), rows(150)])
def test_too_few_rows_are_no_data_throughout(old: pl.DataFrame) -> None:
    found = report(old, rows(1500))
    assert found.severity == "no_data"
    assert {d.severity for d in found.results} == {"no_data"}
    assert found.results[0].reason == f"the reference has {old.height} values, needed 200"


def test_why_the_reference_is_short_is_told() -> None:
    found = report(rows(0), rows(1500), reason="the rolling reference has 150 rows, needed 200")
    assert {d.reason for d in found.results} == {"the rolling reference has 150 rows, needed 200"}
    assert "" in {d.reason for d in report(rows(1500), rows(1500), reason="not so").results}


def test_all_features_together_are_told_last_and_vectors_before() -> None:
    every = watching.Drift(multivariate=("domain_classifier", "mmd"))
    old, new = rows(300), rows(300, shift=1.5)
    old, new = (side.with_columns(e=pl.Series(RNG.normal(size=(300, 4)))) for side in (old, new))
    found = report(old, new, every, discrepancy=Discrepancy(0.2, 0.0005, 300, 300))
    assert [d.kind for d in found.results[-5:]] == ["embedding"] * 3 + ["multivariate"] * 2
    assert [(d.test, d.severity) for d in found.of("*")] == [("domain_classifier", "red"), ("mmd", "red")]
    assert {d.severity for d in found.of("e")} == {"green"}
    assert found == report(old, new, every, discrepancy=Discrepancy(0.2, 0.0005, 300, 300))


def test_a_subject_in_neither_frame_is_refused() -> None:
    with pytest.raises(FairleadError, match="unknown subject of drift 'day'; allowed: amount"):
        report(rows(300).drop("day"), rows(300).drop("day"))


def test_a_threshold_for_no_test_is_refused() -> None:
    with pytest.raises(FairleadError, match="unknown drift test 'k_s'"):
        report(rows(300), rows(300), watching.Drift(thresholds={"k_s": Threshold(amber=1, red=2)}))

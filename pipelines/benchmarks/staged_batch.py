"""Staged shifts of one column, and of five together: how often each batch test finds them, and how often nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import polars as pl

from components.core.contracts import FloatArray, Kind
from components.core.watching import Drift
from components.monitoring.drift.engine import measure_drift
from components.monitoring.values import Window

REFERENCE_ROWS = 10_000

SETTINGS = Drift(
    numeric=("ks", "psi", "wasserstein", "jensen_shannon", "kl", "cramer_von_mises"),
    category=("chi_square", "psi", "jensen_shannon", "new_categories"),
    multivariate=(),
)
TOGETHER = SETTINGS.model_copy(update={"multivariate": ("domain_classifier", "pca_reconstruction")})

Rng = np.random.Generator
Draw = Callable[[Rng, int], pl.DataFrame]

Family = Literal["numeric", "category", "missing", "together"]


@dataclass(frozen=True)
class Shift:
    """One shift of one size.

    Args:
        kind: what changes.
        size: how much, for the table.
        family: which tests can see it.
        before: draws rows of the reference.
        after: draws rows of the newest window.
    """

    kind: str
    size: str
    family: Family
    before: Draw
    after: Draw


@dataclass(frozen=True)
class Found:
    """How often a test found a shift.

    Args:
        shift: what was staged; None for rates of false alarms.
        rows: of the newest window.
        rates: test → share of windows in which it was amber or red.
    """

    shift: Shift | None
    rows: int
    rates: Mapping[str, float]


def _normal(mean: float = 0.0, spread: float = 1.0) -> Draw:
    return lambda rng, n: pl.DataFrame({"x": rng.normal(mean, spread, n)})


def _ramp(end: float) -> Draw:
    """Draw rows whose mean rises evenly from 0 over the window."""
    return lambda rng, n: pl.DataFrame({"x": rng.normal(np.linspace(0, end, n), 1.0)})


def _student(rng: Rng, n: int) -> pl.DataFrame:
    """Draw from Student's distribution with 3 degrees of freedom, scaled to a standard deviation of 1."""
    return pl.DataFrame({"x": rng.standard_t(3, n) / 3**0.5})


def _humps(rng: Rng, n: int) -> pl.DataFrame:
    """Draw from two humps, 0.9 to either side, with a standard deviation of 1 in all."""
    return pl.DataFrame({"x": rng.choice([-0.9, 0.9], n) + rng.normal(0, 0.19**0.5, n)})


def _amounts(times: float) -> Draw:
    return lambda rng, n: pl.DataFrame({"x": times * rng.lognormal(0.0, 1.0, n)})


SHARES = (0.4, 0.3, 0.15, 0.1, 0.05)
"""Of the values a to e of the category."""


def _values(moved: float = 0.0, new: float = 0.0) -> Draw:
    """Draw categories, of which a share has gone from the most frequent to the rarest value, or to a new one."""
    shares = np.array([SHARES[0] - moved - new, *SHARES[1:4], SHARES[4] + moved, new])
    return lambda rng, n: pl.DataFrame({"x": pl.Series(list("abcdef"))[rng.choice(6, n, p=shares)]})


def _lacking(share: float) -> Draw:
    return lambda rng, n: pl.DataFrame({"x": pl.Series(rng.normal(size=n)).set(pl.Series(rng.random(n) < share), None)})


def _five(correlation: float, mean: float = 0.0) -> Draw:
    covariance = np.full((5, 5), correlation) + (1 - correlation) * np.eye(5)
    factor: FloatArray = np.linalg.cholesky(covariance)
    return lambda rng, n: pl.DataFrame((mean + rng.normal(size=(n, 5)) @ factor.T), schema=[f"x{i}" for i in range(5)])


SHIFTS = (
    *(Shift("mean", f"+{d:g} SD", "numeric", _normal(), _normal(d)) for d in (0.2, 0.35, 0.5, 1.0)),
    Shift("mean, gradual", "0 to +1 SD", "numeric", _normal(), _ramp(1.0)),
    *(Shift("scale", f"x {k:g}", "numeric", _normal(), _normal(0.0, k)) for k in (1.25, 1.5, 2.0)),
    Shift("tail", "Student, 3 df", "numeric", _normal(), _student),
    Shift("shape", "two humps", "numeric", _normal(), _humps),
    *(Shift("unit", f"x {k:g}", "numeric", _amounts(1.0), _amounts(k)) for k in (1.2, 1.5)),
    *(Shift("mix", f"{100 * m:g} % moved", "category", _values(), _values(m)) for m in (0.05, 0.1, 0.2)),
    *(Shift("new value", f"{100 * m:g} %", "category", _values(), _values(new=m)) for m in (0.01, 0.03, 0.1)),
    *(Shift("missing", f"{100 * m:g} %", "missing", _lacking(0.0), _lacking(m)) for m in (0.01, 0.03, 0.1)),
    Shift("dependence", "0.6 to 0.3", "together", _five(0.6), _five(0.3)),
    Shift("dependence", "0.6 to 0", "together", _five(0.6), _five(0.0)),
    Shift("mean of five", "+0.2 SD each", "together", _five(0.0), _five(0.0, 0.2)),
)

TESTS: Mapping[Family, tuple[str, ...]] = {
    "numeric": tuple(map(str, SETTINGS.numeric)),
    "category": tuple(map(str, SETTINGS.category)),
    "missing": ("missing_share",),
    "together": ("domain_classifier", "pca_reconstruction"),
}


def detected(shift: Shift, rows: int, windows: int, seed: int) -> Found:
    """Stage a shift in a number of windows, each beside a reference of its own, and count what each test makes of it.

    The column is alone in its report (the five of ``together`` are with theirs). In a report of many, the rule for
    false discoveries asks of a p-value that it is so much smaller, which matters where rows are few.
    """
    rng = np.random.default_rng(seed)
    tests = TESTS[shift.family]
    hits = dict.fromkeys(tests, 0)
    for _ in range(windows):
        alarming = _alarming(shift.before(rng, REFERENCE_ROWS), shift.after(rng, rows), shift.family == "together")
        for test in tests:
            hits[test] += test in alarming
    return Found(shift, rows, {test: n / windows for test, n in hits.items()})


def still(rows: int, windows: int, seed: int) -> Found:
    """Compare windows of a world that stands still; count those in which a test is amber or red for any column.

    Each report is of twelve columns: of every kind that is staged, twice over, and the five that hang together.
    """
    rng = np.random.default_rng(seed)
    tests = ("any test", *dict.fromkeys(test for family in TESTS.values() for test in family))
    hits = dict.fromkeys(tests, 0)
    for _ in range(windows):
        reference, current = (_all_kinds(rng, n) for n in (REFERENCE_ROWS, rows))
        alarming = _alarming(reference, current, together=True)
        for test in tests:
            hits[test] += bool(alarming) if test == "any test" else test in alarming
    return Found(None, rows, {test: n / windows for test, n in hits.items()})


def _all_kinds(rng: Rng, n: int) -> pl.DataFrame:
    draws = (_normal(), _amounts(1.0), _student, _humps, _values(), _values(), _lacking(0.05))
    columns = [draw(rng, n).rename({"x": f"column_{i}"}) for i, draw in enumerate(draws)]
    return pl.concat([*columns, _five(0.6)(rng, n)], how="horizontal")


def _alarming(reference: pl.DataFrame, current: pl.DataFrame, together: bool) -> set[str]:
    """Name the tests that are amber or red for any column."""
    kinds: dict[str, Kind] = {
        name: "category" if dtype == pl.String else "float" for name, dtype in reference.schema.items()
    }
    day = date(2020, 1, 1)
    windows = Window(first=day, last=day, rows=len(reference)), Window(first=day, last=day, rows=len(current))
    report = measure_drift(reference, current, kinds, TOGETHER if together else SETTINGS, windows)
    return {r.test for r in report.results if r.severity in ("amber", "red")}

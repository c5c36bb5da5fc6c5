"""How often a drift report names a feature though nothing moved: random halves of one year's real loans."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from scipy import stats

from components.core.contracts import Kind
from components.core.use_case import SHIPPED
from components.core.watching import Drift
from components.monitoring.drift.engine import measure_drift
from components.monitoring.values import DriftReport, Window
from pipelines.benchmarks.measure import Figure, Say, table

SAMPLE = SHIPPED.parents[1] / "components" / "data" / "samples" / "sba_ca_1997_2012.parquet"
YEAR = 2000
FEATURES = 60
SEED = 20_262
ENOUGH = 500
"""Draws from which on the share of reports with any discovery is held to the promise too."""

COLUMNS = Drift(
    numeric=("ks", "psi", "wasserstein", "jensen_shannon", "kl", "cramer_von_mises"),
    category=("chi_square", "psi", "jensen_shannon", "new_categories"),
    multivariate=(),
)
"""Every test of a column."""
TOGETHER = Drift(multivariate=("domain_classifier", "pca_reconstruction"))
"""A use case's own tests, and those of all features together that run in this environment."""

_NUMBERS = ("Term", "NoEmp", "CreateJob", "RetainedJob", "DisbursementGross", "GrAppv", "SBA_Appv")
_CATEGORIES = ("Bank", "BankState", "NewExist", "UrbanRural", "RevLineCr", "LowDoc")


@dataclass(frozen=True)
class Sizes:
    """How many draws of each kind."""

    columns: int = 1_000
    together: int = 200


SMALL = Sizes(columns=20, together=3)


@dataclass(frozen=True)
class Alarms:
    """What reports on halves of the same rows said.

    Args:
        draws: reports.
        discovered: reports with any discovery.
        named: reports that call any subject amber or red.
        tests: results of one report.
    """

    draws: int
    discovered: int
    named: int
    tests: int


def year_of_loans(year: int = YEAR) -> tuple[pl.DataFrame, dict[str, Kind]]:
    """Read the loans approved in one year, widened to 60 features that hang together as real ones do.

    Seven numbers, six categories and the postcode, industry and day as they are; logarithms, ratios and differences of
    the numbers; groups of the codes. Gaps are where the table has them, and where a ratio has none.
    """
    raw = pl.read_parquet(SAMPLE).filter(pl.col("ApprovalDate").dt.year() == year)
    numbers = [pl.col(name).cast(pl.Float64) for name in _NUMBERS]
    wide: dict[str, pl.Expr] = dict(zip(_NUMBERS, numbers, strict=True))
    wide |= {f"log_{name}": column.log1p() for name, column in zip(_NUMBERS, numbers, strict=True)}
    for i, first in enumerate(_NUMBERS):
        for second in _NUMBERS[i + 1 :]:
            above, below = wide[first], wide[second]
            wide[f"{first}_by_{second}"] = pl.when(below > 0).then(above / below)
    kinds: dict[str, Kind] = dict.fromkeys(wide, "float")
    coded = {name: pl.col(name).cast(pl.String) for name in _CATEGORIES}
    coded |= {f"Zip_{digits}": pl.col("Zip").cast(pl.String).str.slice(0, digits) for digits in (1, 2, 3, 5)}
    coded |= {f"NAICS_{digits}": pl.col("NAICS").cast(pl.String).str.slice(0, digits) for digits in (1, 2, 3, 4, 6)}
    coded |= {"franchise": (pl.col("FranchiseCode") > 1).cast(pl.String)}
    coded |= {f"Bank_{n}": pl.col("Bank").cast(pl.String).str.slice(0, n) for n in (1, 2, 4)}
    coded |= {"month": pl.col("ApprovalDate").dt.month().cast(pl.String)}
    coded |= {"weekday": pl.col("ApprovalDate").dt.weekday().cast(pl.String)}
    kinds |= dict.fromkeys(coded, "category")
    days: dict[str, pl.Expr] = {"day": pl.col("ApprovalDate").cast(pl.Date)}
    days |= {"disbursed": pl.col("DisbursementDate").cast(pl.Date)}
    kinds |= dict.fromkeys(days, "date")
    more = {"Zip": pl.col("Zip").cast(pl.Float64)}
    more |= {"waiting": (pl.col("DisbursementDate") - pl.col("ApprovalDate")).dt.total_days().cast(pl.Float64)}
    kinds |= dict.fromkeys(more, "float")
    return raw.select(**wide, **coded, **days, **more), kinds


def false_alarms(rows: pl.DataFrame, kinds: Mapping[str, Kind], settings: Drift, draws: int, seed: int) -> Alarms:
    """Divide the same rows at random into a reference and a newest window again and again, and report on each.

    Args:
        rows: all of them.
        kinds: column → what it holds.
        settings: which tests, thresholds and the promised rate.
        draws: how often.
        seed: of the divisions.
    """
    rng = np.random.default_rng(seed)
    reports = [_report(rows[rng.permutation(rows.height)], kinds, settings) for _ in range(draws)]
    return Alarms(
        draws=draws,
        discovered=sum(any(d.discovered for d in report.results) for report in reports),
        named=sum(bool(report.drifted()) for report in reports),
        tests=len(reports[0].results) if reports else 0,
    )


def bench(say: Say, sizes: Sizes | None = None) -> bool:
    """Count the false alarms on real loans and say them as one table; the seeds are fixed.

    Args:
        say: takes one line.
        sizes: how many draws; all of them unless told.

    Returns:
        Whether no more reports named a feature than was promised, nor discovered anything where draws are enough.
    """
    sizes, started = sizes or Sizes(), time.monotonic()
    rows, kinds = year_of_loans()
    figures = []
    for seed, (what, settings, draws) in enumerate(
        [("of columns", COLUMNS, sizes.columns), ("of columns and of all together", TOGETHER, sizes.together)],
        start=SEED,
    ):
        say(
            f"{time.monotonic() - started:4.0f} s  {draws:,} random halves of the {rows.height:,} loans of {YEAR}, "
            f"{len(kinds)} features, tests {what}"
        )
        found = false_alarms(rows, kinds, settings, draws, seed)
        promised = 100 * settings.false_discovery_rate
        named = f"reports naming a feature, {found.tests} tests {what} {_interval(found.named, draws)}"
        figures.append(Figure(named, 100 * found.named / draws, "%", "promised", promised, target=True))
        # The rate itself is held to where the draws are enough to tell: of 200 at 5 %, half the tries have more.
        told = f"  with any discovery, whatever its size {_interval(found.discovered, draws)}"
        held = draws >= ENOUGH
        figures.append(Figure(told, 100 * found.discovered / draws, "%", "promised", promised, target=held))
    say("")
    say(table(figures))
    missed = [f.what.strip() for f in figures if f.missed]
    say(f"\n{len(missed)} promises broken: {', '.join(missed)}" if missed else "\nevery promise was kept")
    return not missed


def _report(rows: pl.DataFrame, kinds: Mapping[str, Kind], settings: Drift) -> DriftReport:
    half = rows.height // 2
    sides = rows[:half], rows[half:]
    first, last = date(YEAR, 1, 1), date(YEAR, 12, 31)
    old, new = (Window(first=first, last=last, rows=side.height) for side in sides)
    return measure_drift(*sides, kinds, settings, (old, new))


def _interval(hits: int, draws: int) -> str:
    """Write the 95 % interval of a share (Wilson)."""
    low, high = stats.binomtest(hits, draws).proportion_ci(method="wilson")
    return f"[{100 * low:.1f}, {100 * high:.1f}]"

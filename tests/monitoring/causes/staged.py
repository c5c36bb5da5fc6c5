"""Windows of real loans with a model that scores them, and ways to break the data or to change the world."""

from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from tests.conftest import SAMPLE

KINDS: dict[str, Any] = {
    "NoEmp": "int",
    "CreateJob": "int",
    "GrAppv": "float",
    "SBA_Appv": "float",
    "NAICS": "int",
    "Zip": "int",
    "NewExist": "category",
    "UrbanRural": "category",
    "RevLineCr": "category",
    "LowDoc": "category",
    "Bank": "category",
    "BankState": "category",
    "ZipLast": "date",
}

IMPORTANCE = {
    "GrAppv": 0.3, "SBA_Appv": 0.15, "NoEmp": 0.15, "NAICS": 0.1, "NewExist": 0.1, "RevLineCr": 0.05, "LowDoc": 0.05,
    "BankState": 0.05, "ZipLast": 0.05,
}  # fmt: skip


@cache
def loans() -> pl.DataFrame:
    """All loans, as requests would have sent them; ``ZipLast`` is the day of the loan before in the same postcode."""
    raw = pl.read_parquet(SAMPLE)
    whole = ("NewExist", "UrbanRural")
    frame = raw.select(
        pl.col("ApprovalDate").cast(pl.Date).alias("event_time"),
        pl.col("y").cast(pl.Float64).alias("label"),
        *(pl.col(n).cast(pl.Int64).cast(pl.String) for n in whole),
        *(pl.col(n).cast(pl.String) for n, k in KINDS.items() if k == "category" and n not in whole),
        *(pl.col(n).cast(pl.Float64) for n, k in KINDS.items() if k in ("int", "float")),
    ).sort("event_time", maintain_order=True)
    # As quarantine does: the other codes stand in no documentation, and most of these loans turn out bad.
    frame = frame.filter(pl.col("RevLineCr").is_in(["0", "N", "Y"]))
    frame = frame.with_columns(ZipLast=pl.col("event_time").shift(1).over("Zip"))
    return frame.with_columns(probability=pl.Series(score({n: frame[n].to_numpy() for n in KINDS})))


def score(columns):
    """A model of four inputs: new, small and unguaranteed businesses are riskier."""
    amount, guaranteed = (np.nan_to_num(np.asarray(columns[n], dtype=float)) for n in ("GrAppv", "SBA_Appv"))
    share = np.clip(guaranteed / np.maximum(amount, 1), 0, 1)
    new = np.asarray(columns["NewExist"], dtype=object) == "2"
    line = np.asarray(columns["RevLineCr"], dtype=object) == "Y"
    z = 2.0 - 0.35 * np.log(np.maximum(amount, 1)) - 1.0 * share + 0.4 * new + 0.3 * line
    return 1 / (1 + np.exp(-z))


def between(first: date, last: date) -> pl.DataFrame:
    return loans().filter(pl.col("event_time").is_between(first, last))


@dataclass(frozen=True)
class Stage:
    reference: pl.DataFrame
    current: pl.DataFrame

    def now(self, *columns: pl.Expr) -> "Stage":
        return replace(self, current=self.current.with_columns(*columns))


@cache
def stage(year: int = 2000, rows: int = 3_000, seed: int = 7) -> Stage:
    """A half of a year's loans, and of the other half so many in the quarter after it: nothing has changed but what a
    test changes. Each loan of the newest window comes whole quarters later than it did, and so does all about it."""
    whole = between(date(year, 1, 1), date(year, 12, 31)).sample(fraction=1.0, shuffle=True, seed=seed)
    half = len(whole) // 2
    later = 12 - 3 * ((pl.col("event_time").dt.month() - 1) // 3)
    by = pl.format("{}mo", later)
    two = whole[half:].head(rows).with_columns(pl.col("event_time", "ZipLast").dt.offset_by(by))
    return Stage(whole[:half].sort("event_time"), two.sort("event_time"))


def rise(stage_: Stage, last: float, first: float = 1.0) -> pl.Expr:
    """A factor that grows day by day over the newest window, and goes on from where the reference ended."""
    days = stage_.current["event_time"]
    passed = (pl.col("event_time") - days.min()).dt.total_days() / 90
    return first + (last - first) * passed


def holes(stage_: Stage, name: str, share: float, seed: int = 3) -> Stage:
    """Leave a share of a column's values out in both windows."""
    rng = np.random.default_rng(seed)
    sides = []
    for side in (stage_.reference, stage_.current):
        lost = pl.Series(rng.random(len(side)) < share)
        sides.append(side.with_columns(pl.when(lost).then(None).otherwise(pl.col(name)).alias(name)))
    return Stage(*sides)


def some(frame: pl.DataFrame, share: float, seed: int = 5) -> pl.Series:
    return pl.Series(np.random.default_rng(seed).random(len(frame)) < share)


def drawn(stage_: Stage, weight: pl.Expr, seed: int = 5) -> Stage:
    """Draw the current rows anew with weights."""
    w = stage_.current.select(weight.cast(pl.Float64).alias("w"))["w"].to_numpy()
    rows = np.random.default_rng(seed).choice(len(w), len(w), p=w / w.sum())
    return replace(stage_, current=stage_.current[np.sort(rows)])


def swapped_days(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Read days as if months came first where that gives a day, as many parsers do."""
    day, month = pl.col(name).dt.day(), pl.col(name).dt.month()
    other = pl.date(pl.col(name).dt.year(), day, month)
    return frame.with_columns(pl.when(day <= 12).then(other).otherwise(pl.col(name)).alias(name))


def faults() -> dict[str, tuple[str, Any]]:
    """Ways to break the data: name → the column that is broken, and what breaks it."""
    c = pl.col

    def to(*columns: pl.Expr) -> Any:
        return lambda s: s.now(*columns)

    def since(name: str, expr: pl.Expr) -> Any:
        """Only from a day within the window on."""
        late = c("event_time") >= c("event_time").min() + pl.duration(days=31)
        return to(pl.when(late).then(expr).otherwise(c(name)).alias(name))

    def current(change: Any) -> Any:
        return lambda s: replace(s, current=change(s.current))

    def mixed(name: str, share: float, value: Any) -> Any:
        """For a share of the rows."""
        return lambda s: s.now(pl.when(some(s.current, share)).then(pl.lit(value)).otherwise(c(name)).alias(name))

    def filled(name: str, share: float, value: Any) -> Any:
        return lambda s: holes(s, name, share).now(c(name).fill_null(value))

    hashed = ("B" + (c("Bank").hash(3) % 100_000).cast(pl.String)).alias("Bank")
    half = pl.when(c("SBA_Appv").hash(1) % 2 == 0).then(None).otherwise(c("LowDoc"))
    return {
        "a thousand times": ("GrAppv", to(c("GrAppv") * 1000)),
        "a thousandth, from a day on": ("SBA_Appv", since("SBA_Appv", c("SBA_Appv") / 1000)),
        "cents, from a day on": ("GrAppv", since("GrAppv", c("GrAppv") * 100)),
        "a twelfth": ("SBA_Appv", to(c("SBA_Appv") / 12)),
        "other sign": ("GrAppv", to(-c("GrAppv"))),
        "one value": ("NoEmp", to(pl.lit(1.0).alias("NoEmp"))),
        "one name": ("BankState", to(pl.lit("CA").alias("BankState"))),
        "no value": ("NoEmp", to(pl.lit(None, dtype=pl.Float64).alias("NoEmp"))),
        "column gone": ("NAICS", current(lambda f: f.drop("NAICS"))),
        "text for numbers": ("GrAppv", to(c("GrAppv").cast(pl.String))),
        "missing filled with -1": ("NoEmp", filled("NoEmp", 0.15, -1)),
        "missing filled with 9999": ("CreateJob", filled("CreateJob", 0.1, 9999)),
        "missing filled with 0": ("NoEmp", filled("NoEmp", 0.15, 0)),
        "missing filled with a word": ("RevLineCr", filled("RevLineCr", 0.15, "NA")),
        "-1 for some": ("GrAppv", mixed("GrAppv", 0.05, -1.0)),
        "unknown for some": ("BankState", mixed("BankState", 0.1, "unknown")),
        "gone missing on a day": ("LowDoc", since("LowDoc", half)),
        "small letters": ("Bank", to(c("Bank").str.to_lowercase())),
        "blanks": ("RevLineCr", to(c("RevLineCr") + " ")),
        "numbers with a point": ("NewExist", to(c("NewExist") + ".0")),
        "cut off": ("Bank", to(c("Bank").str.head(8))),
        "with the country": ("BankState", to(("US-" + c("BankState")).alias("BankState"))),
        "other codes": ("NewExist", to(c("NewExist").replace({"1": "E", "2": "N"}))),
        "other codes, many": ("Bank", to(hashed)),
        "codes swapped": ("NewExist", to(c("NewExist").replace({"1": "2", "2": "1"}))),
        "codes swapped, from a day on": ("LowDoc", since("LowDoc", c("LowDoc").replace({"Y": "N", "N": "Y"}))),
        "day and month swapped": ("ZipLast", current(lambda f: swapped_days(f, "ZipLast"))),
        "1900 for some days": ("ZipLast", mixed("ZipLast", 0.05, date(1900, 1, 1))),
        "values of other rows": ("GrAppv", current(lambda f: f.with_columns(f["GrAppv"].shuffle(seed=3)))),
    }


def worlds() -> dict[str, Any]:
    """Ways in which the world changes, none of which is a fault in the data."""
    c = pl.col

    def more(condition: pl.Expr, times: Any) -> Any:
        return lambda s: drawn(s, pl.when(condition).then(times).otherwise(1.0))

    def bad(condition: pl.Expr, share: float) -> Any:
        """A share of some rows turn out bad."""
        turned = lambda s: condition & some(s.current, share)  # noqa: E731  short and used once
        return lambda s: s.now(pl.when(turned(s)).then(1.0).otherwise(c("label")).alias("label"))

    def dearer(*columns: str, last: float, first: float = 1.0) -> Any:
        return lambda s: s.now(*(c(n) * rise(s, last, first) for n in columns))

    small = c("GrAppv") < 40_000
    retail = (c("NAICS") // 10_000).is_in([72.0, 44.0, 45.0])
    new_bank = pl.when(small & (c("SBA_Appv").hash(1) % 2 == 0)).then(pl.lit("NEW")).otherwise(c("Bank")).alias("Bank")
    day = (c("event_time") - c("event_time").min()).dt.total_days()
    return {
        "nothing": lambda s: s,
        "more new businesses at once": more(c("NewExist") == "2", 4.0),
        "larger loans": lambda s: drawn(s, c("GrAppv").log() ** 3),
        "prices rise": dearer("GrAppv", "SBA_Appv", last=1.6),
        "prices have risen": dearer("GrAppv", "SBA_Appv", last=2.2, first=1.8),
        "one price rises": dearer("GrAppv", last=2.0),
        "firms shrink": lambda s: s.now((c("NoEmp") * rise(s, 0.5)).ceil()),
        "one industry turns bad": bad(retail, 0.4),
        "everything turns bad": bad(pl.lit(value=True), 0.15),
        "a bank grows": more(c("Bank") == "BANK OF AMERICA NATL ASSOC", 5.0),
        "a programme ends": lambda s: replace(s, current=s.current.filter(c("LowDoc") != "Y")),
        "lines of credit come in fashion": more(c("RevLineCr") == "Y", 1 + day / 20),
        "small loans to a new bank": lambda s: s.now(new_bank),
    }

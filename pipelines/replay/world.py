"""The world of the replay: loans in the order of their approval, and what became known of each on which day."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import polars as pl

from components.core.contracts import FloatArray
from components.core.use_case import UseCase
from components.training.labels import with_label


@dataclass(frozen=True)
class World:
    """Rows with their histories as known at each row's own time, and their outcomes, which nobody knows before time.

    Args:
        use_case: says when an outcome counts.
        features: as ``build_features`` writes them, all years.
    """

    use_case: UseCase
    features: pl.DataFrame

    @cached_property
    def rows(self) -> pl.DataFrame:
        """All rows in order, with ``label`` and ``matures`` in hindsight: for the world, never for a model."""
        whole = self.features.with_columns(
            pl.col("row_id").cast(pl.String), pl.col("event_time", "outcome_time").cast(pl.Date)
        )
        return with_label(whole, self.use_case.labels.maturity_months).sort("event_time", "row_id")

    def between(self, first: date, last: date) -> pl.DataFrame:
        """Return the rows of some days, both ends included, in order."""
        return self.rows.filter(pl.col("event_time").is_between(first, last))

    def told(self, first: date, last: date) -> pl.DataFrame:
        """Return the outcomes that become known on some days, both ends included.

        A charge-off is told on its day, whenever that is. Of a loan without one its bank says so on the day on which
        its time is over; when it is charged off after that, the outcome is corrected, and the label stays what it was.

        Returns:
            ``row_id``, ``label`` (1 charged off, 0 not) and ``known_at`` (UTC), in order.
        """
        bad = self._charged_off.filter(pl.col("outcome_time").is_between(first, last))
        good = self.rows.filter(pl.col("matures").is_between(first, last) & (pl.col("label") == 0))
        return (
            pl.concat(
                [
                    bad.select("row_id", label=pl.lit(1, pl.Int64), known_at=pl.col("outcome_time")),
                    good.select("row_id", label=pl.lit(0, pl.Int64), known_at=pl.col("matures")),
                ]
            )
            .sort("known_at", "row_id")
            .with_columns(pl.col("known_at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
        )

    @cached_property
    def _charged_off(self) -> pl.DataFrame:
        return self.rows.filter((pl.col("outcome") == 1) & pl.col("outcome_time").is_not_null())


def month_ends(first: date, last: date) -> list[date]:
    """List the last days of the months from one day's to another's.

    >>> month_ends(date(2004, 1, 1), date(2004, 3, 31))
    [datetime.date(2004, 1, 31), datetime.date(2004, 2, 29), datetime.date(2004, 3, 31)]
    """
    found = []
    day = first.replace(day=1)
    while day <= last:
        following = (day + timedelta(days=32)).replace(day=1)
        found.append(following - timedelta(days=1))
        day = following
    return found


def labels(rows: pl.DataFrame) -> FloatArray:
    """Labels in hindsight, shape (n,)."""
    found: FloatArray = rows["label"].to_numpy().astype("float64")
    return found

"""Labels for comparing rows by how they turned out, some of which are not known yet: as known, or with weights."""

from datetime import date

import polars as pl

from components.monitoring.label_report import known_until
from components.training.development import Development, weigh


def weighed(
    rows: pl.DataFrame, now: date, maturity_months: int, minimum_developed: float, grown: Development
) -> pl.DataFrame:
    """Replace ``label`` by one that is fair to compare rows by, and add ``weight``.

    Of rows whose time still runs only the bad ones have a label, and taken as they are they would tell of bad rows
    only. So each of these counts as ``components.training.development.weigh`` says.

    Args:
        rows: watched rows, as ``Joined.at`` gives them.
        now: as of which they are.
        maturity_months: time that an outcome has to show.
        minimum_developed: rows whose time runs are left without a label where a smaller share is known of their like.
        grown: how outcomes come in.

    Returns:
        The same rows in the same order. ``label`` is 1.0 or 0.0 and ``weight`` a number where something can be said;
        both are null for mature rows whose label has not arrived, and for rows that are too young.
    """
    until = known_until(rows, now)
    numbered = rows.drop("weight", strict=False).with_row_index("_place")
    told = weigh(numbered.drop("label", "matures", "mature"), until, maturity_months, minimum_developed, grown)
    told = told.select("_place", "weight", _early="label", _over="mature")
    joined = numbered.join(told, on="_place", how="left", maintain_order="left")
    label = pl.when("_over").then("label").otherwise("_early")
    joined = joined.with_columns(label=label, weight=pl.when(label.is_not_null()).then("weight"))
    return joined.drop("_place", "_early", "_over")

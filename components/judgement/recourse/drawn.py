"""The declined rows that a check looks at."""

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, FloatArray
from components.core.errors import FairleadError
from components.judgement.subject import Part


def declined(part: Part, most: int, seed: int) -> npt.NDArray[np.intp]:
    """Draw the places of declined rows, at most so many, in their order.

    Raises:
        FairleadError: a score is no number.
    """
    unscored = int((~np.isfinite(part.probability)).sum())
    if unscored:
        raise FairleadError(f"{unscored} of {len(part)} rows have a score that is no number; mend the model first")
    return draw(np.flatnonzero(part.decision == 1), most, seed)


def draw(places: npt.NDArray[np.intp], most: int, seed: int) -> npt.NDArray[np.intp]:
    """Draw some of these places without replacement, in their order.

    >>> draw(np.array([4, 7, 9]), 5, seed=1)
    array([4, 7, 9])
    """
    if len(places) <= most:
        return places
    return np.sort(np.random.default_rng(seed).choice(places, size=most, replace=False))


def take(rows: Columns, places: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Columns:
    """Take some rows."""
    return {name: values[places] for name, values in rows.items()}


def spreads(rows: Columns, names: tuple[str, ...]) -> dict[str, float]:
    """Tell how far number columns reach: from the 5th to the 95th percentile; from end to end where these are one.

    >>> spreads({"amount": np.arange(101.0)}, ("amount",))
    {'amount': 90.0}
    """
    found = {}
    for name in names:
        known: FloatArray = rows[name][~np.isnan(rows[name])]
        low, high = np.quantile(known, [0.05, 0.95]) if len(known) else (0.0, 0.0)
        found[name] = float(high - low) or (float(np.ptp(known)) if len(known) else 0.0) or 1.0
    return found

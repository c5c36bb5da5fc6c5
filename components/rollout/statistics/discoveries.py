"""Which of several statements are refuted, with few false ones among them."""

from collections.abc import Mapping

from components.core.errors import FairleadError


def discoveries(e_values: Mapping[str, float], alpha: float) -> tuple[str, ...]:
    """Refute as many statements as the false discovery rate allows (e-BH).

    The k largest e-values are taken, for the largest k at which all of them are at least ``number of statements /
    (alpha * k)``. Of what is refuted a part of ``alpha`` is false on average, at most, however the metrics hang
    together (R. Wang and A. Ramdas, "False discovery rate control with e-values", JRSS B 84, 2022); where nothing is
    wrong at all, anything is refuted with probability ``alpha`` at most.

    With running e-values this holds at any time at which one stops, as long as all metrics are seen request by request.
    Where a metric comes later than others (delayed labels), the guarantee that needs no such order is the one for a
    single statement: an e-value of ``number of statements / alpha``, which refutes under this rule too.

    Args:
        e_values: by name, 0 or more.
        alpha: false discovery rate.

    Returns:
        Names of the refuted statements, strongest first.

    Raises:
        FairleadError: an e-value is negative or no number.

    >>> discoveries({"error_rate": 70.0, "latency": 50.0, "outlier_rate": 1.0}, 0.05)
    ('error_rate', 'latency')
    >>> discoveries({"error_rate": 50.0, "latency": 1.0, "outlier_rate": 1.0}, 0.05)
    ()
    """
    wrong = {name: e for name, e in e_values.items() if not e >= 0}
    if wrong:
        raise FairleadError(f"e-values are 0 or more; found {wrong}")
    ranked = sorted(e_values, key=lambda name: -e_values[name])
    enough = [k for k, name in enumerate(ranked, start=1) if e_values[name] * k * alpha >= len(ranked)]
    return tuple(ranked[: enough[-1]]) if enough else ()

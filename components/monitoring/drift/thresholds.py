"""From which size on a test's finding is amber, and red.

One shift is the yardstick of all tests of a distribution: PSI's customary 0.1 and 0.25. For a normal distribution whose
mean moves by d standard deviations PSI is d squared, so these are shifts by 0.32 and 0.5 standard deviations; what such
shifts make of the other tests are their thresholds, rounded. So two tests of a column seldom disagree by their
thresholds alone. The others are judged by what the finding does to whoever relies on the model.
"""

from collections.abc import Iterable, Mapping

from components.core.errors import unknown
from components.core.watching import Threshold

defaults: Mapping[str, Threshold] = {
    # Siddiqi, "Credit Risk Scorecards" (2006): below 0.1 no significant change, above 0.25 a major one.
    "psi": Threshold(amber=0.1, red=0.25),
    # 2 * Phi(d / 2) - 1.
    "ks": Threshold(amber=0.125, red=0.2),
    # d itself.
    "wasserstein": Threshold(amber=0.3, red=0.5),
    # d**2 / 2.
    "kl": Threshold(amber=0.05, red=0.125),
    # sqrt(d**2 / (8 * ln 2)).
    "jensen_shannon": Threshold(amber=0.13, red=0.21),
    # d / sqrt(2 * pi * sqrt(3)).
    "cramer_von_mises": Threshold(amber=0.095, red=0.15),
    # d / 2; Cohen (1988) calls 0.1 small and 0.3 medium.
    "chi_square": Threshold(amber=0.15, red=0.25),
    # Every fiftieth, every tenth row has a value that the model has never seen.
    "new_categories": Threshold(amber=0.02, red=0.1),
    # Every fiftieth, every tenth row has lost, or gained, a value.
    "missing_share": Threshold(amber=0.02, red=0.1),
    # A column that the model needs and that is not there, or is of another type, cannot be served.
    "column_gone": Threshold(amber=1, red=1),
    "dtype_changed": Threshold(amber=1, red=1),
    # One more breaks nothing, and is not known to the reference: worth a look.
    "column_new": Threshold(amber=1, red=2),
    # Values outside a closed domain are a fault wherever they occur; a twentieth of the rows is one that nobody caught.
    "outside_domain": Threshold(amber=0.001, red=0.05),
    # Phi(d / sqrt(2)) would be 0.59 and 0.64 for one shifted feature; small shifts of many add up.
    "domain_classifier": Threshold(amber=0.65, red=0.75),
    # A KS distance, of how badly each row is reconstructed.
    "pca_reconstruction": Threshold(amber=0.125, red=0.2),
    # What 15 columns make of it that all move by 0.17, and by 0.3, standard deviations.
    "mmd": Threshold(amber=0.01, red=0.03),
    "embedding_mmd": Threshold(amber=0.01, red=0.03),
    # The mean direction turned by 18, and by 32, degrees.
    "centroid_cosine": Threshold(amber=0.05, red=0.15),
    "mean_cosine": Threshold(amber=0.05, red=0.15),
}
"""By test."""


def require_known(overrides: Iterable[str]) -> None:
    """Refuse thresholds for tests that do not exist.

    Raises:
        FairleadError: names the test and those that there are.
    """
    for name in overrides:
        if name not in defaults:
            raise unknown("drift test", name, defaults, "See monitoring.drift.thresholds in the use case.")


def threshold(test: str, overrides: Mapping[str, Threshold]) -> Threshold:
    """Return the threshold of a test: the use case's where it has one, else the default.

    Raises:
        FairleadError: there is no such test.

    >>> threshold("psi", {}).red
    0.25
    """
    require_known([test])
    return overrides.get(test, defaults[test])

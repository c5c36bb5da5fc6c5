"""Feature catalogues by use case."""

from components.core.errors import unknown
from components.features import card_default, sba_loans
from components.features.transform import Catalogue

CATALOGUES: dict[str, Catalogue] = {"card_default": card_default.FEATURES, "sba_loans": sba_loans.FEATURES}


def catalogue(use_case: str) -> Catalogue:
    """Return the catalogue of a use case.

    Raises:
        FairleadError: no catalogue was written for it.
    """
    if use_case not in CATALOGUES:
        raise unknown("feature catalogue", use_case, CATALOGUES, "Add one in components/features/catalogue.py.")
    return CATALOGUES[use_case]

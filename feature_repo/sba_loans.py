"""Feast definitions of the use case sba_loans; all that they say comes from its YAML file.

    feast -c feature_repo apply
    feast -c feature_repo feature-views list

The histories are read from feature_repo/data, which ``build_features`` fills when that is its store directory. Another
use case needs a file like this one, with its own name and its own entities.
"""

from pathlib import Path

from components.core.use_case import load
from components.features.definitions import Definitions

_sba_loans = Definitions(load("sba_loans"), Path(__file__).parent / "data")

bank, zip_code, industry = _sba_loans.entities
bank_history, zip_history, industry_history = _sba_loans.views
request = _sba_loans.request

history_service = _sba_loans.history_service

# None, and so not applied, until there is a fitted transform: data/transform.json of a trained bundle.
matrix = _sba_loans.matrix
matrix_service = _sba_loans.matrix_service

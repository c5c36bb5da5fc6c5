"""Feast definitions of the use case card_default: it has no histories to look up, so all of it is on demand."""

from pathlib import Path

from components.core.use_case import load
from components.features.definitions import Definitions

_card_default = Definitions(load("card_default"), Path(__file__).parent / "data" / "card_default")

# None, and so not applied, until there is a fitted transform: data/transform.json of a trained bundle.
matrix = _card_default.matrix
matrix_service = _card_default.matrix_service

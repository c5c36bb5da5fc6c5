import pytest

from components.core.errors import FairleadError
from components.core.use_case import load, shipped
from components.features.catalogue import CATALOGUES, catalogue
from components.features.rows import request_fields
from components.features.transform import select


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_use_case_finds_its_features_and_their_inputs(name):
    use_case = load(name)
    features = select(use_case.features.names, catalogue(name))
    sent = {f.name for f in request_fields(use_case)}
    assert {f.name: set(f.inputs) - sent for f in features} == {f.name: set() for f in features}


@pytest.mark.parametrize("name", CATALOGUES)
def test_every_feature_is_named_once_and_says_what_it_is(name):
    for key, feature in catalogue(name).items():
        assert feature.name == key
        assert feature.compute.__doc__, f"{key} has no docstring; the feature registry shows it"


def test_an_unknown_catalogue_says_where_to_add_one():
    with pytest.raises(FairleadError, match=r"'nothing'; allowed: card_default, sba_loans.*catalogue\.py"):
        catalogue("nothing")

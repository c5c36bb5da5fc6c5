import pytest

from components.core.errors import FairleadError
from components.core.use_case import load, shipped
from components.data.datasheet import datasheet


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_table_has_one_that_names_its_hash(name):
    data = load(name).data
    assert data.sha256 in datasheet(data)


def test_text_is_taken_as_it_is_and_an_unknown_sample_names_those_there_are():
    data = load("sba_loans").data
    assert datasheet(data.model_copy(update={"datasheet": " # Mine\n"})) == "# Mine"
    assert datasheet(data.model_copy(update={"datasheet": ""})) == ""
    with pytest.raises(FairleadError, match=r"unknown sample 'x\.md'; allowed: sba_ca_1997_2012\.md, uci_default"):
        datasheet(data.model_copy(update={"datasheet": "sample://x.md"}))

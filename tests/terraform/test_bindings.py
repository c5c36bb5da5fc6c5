"""The provider's schema that is read back out of its bindings is the one that its documentation describes."""

from typing import Any

import pytest

from tests.terraform import bindings, google_provider

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(bool(google_provider.missing()) or google_provider.is_real(), reason="needs npm and Go"),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def read() -> dict[str, Any]:
    google_provider.command_line_settings()
    names = {"google_storage_bucket", "google_container_node_pool", "google_compute_router_nat", "google_no_such_thing"}
    return bindings.schema(google_provider.bindings_folder(), names, {"google_project"})


def test_a_type_that_the_provider_lacks_is_not_made_up(read: dict[str, Any]) -> None:
    assert "google_no_such_thing" not in read["resource_schemas"]
    assert len(read["resource_schemas"]) == 3


def test_an_attribute_has_its_type_and_who_sets_it(read: dict[str, Any]) -> None:
    bucket = read["resource_schemas"]["google_storage_bucket"]["block"]["attributes"]
    assert {k: v for k, v in bucket["location"].items() if k != "description"} == {"type": "string", "required": True}
    assert bucket["location"]["description"] == "The Google Cloud Storage location or region."
    assert bucket["labels"]["type"] == ["map", "string"]
    assert set(bucket["url"]) - {"description"} == {"type", "computed"}
    assert set(bucket["project"]) - {"description"} == {"type", "computed", "optional"}


def test_a_block_has_its_form_and_how_often_it_may_stand(read: dict[str, Any]) -> None:
    bucket = read["resource_schemas"]["google_storage_bucket"]["block"]["block_types"]
    once, often = bucket["versioning"], bucket["lifecycle_rule"]
    assert (once["nesting_mode"], once["min_items"], once["max_items"]) == ("list", 0, 1)
    assert (often["nesting_mode"], often["max_items"]) == ("list", 0)
    assert often["block"]["block_types"]["action"]["min_items"] == 1
    assert (
        read["resource_schemas"]["google_compute_router_nat"]["block"]["block_types"]["subnetwork"]["nesting_mode"]
        == "set"
    )
    assert bucket["timeouts"]["nesting_mode"] == "single"


def test_what_the_provider_fills_as_a_list_is_no_block(read: dict[str, Any]) -> None:
    pool = read["resource_schemas"]["google_container_node_pool"]["block"]["block_types"]["node_config"]["block"]
    assert pool["attributes"]["effective_taints"]["type"] == [
        "list",
        ["object", {"effect": "string", "key": "string", "value": "string"}],
    ]
    assert pool["block_types"]["taint"]["block"]["attributes"]["key"]["required"]

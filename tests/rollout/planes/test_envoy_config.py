"""Envoy's configuration as a value: what is written reads back, and a real Envoy takes all of it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.rollout.planes import envoy_config as config
from components.rollout.planes.envoy_config import Proxy
from components.rollout.planes.envoy_process import place, prepare, validate
from components.rollout.traffic import Traffic

PROXY = Proxy(folder=Path("envoy"), port=1, admin_port=2)

traffics = st.one_of(
    st.integers(0, 100).map(lambda weight: Traffic(candidate=weight)),
    st.sampled_from([Traffic(mirror="candidate"), Traffic(candidate=100, mirror="stable")]),
)


@given(traffics, st.sampled_from([None, "x-customer"]))
def test_traffic_reads_back(traffic: Traffic, sticky: str | None) -> None:
    part = config.routes(traffic, "v1", PROXY.model_copy(update={"sticky_header": sticky}))
    assert part["version_info"] == "v1"
    assert config.traffic_in(json.loads(config.text(part))["resources"][0]) == traffic


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"virtual_hosts": []},
        {"virtual_hosts": [{"routes": [{"route": {"cluster": "stable"}}]}]},
        {"virtual_hosts": [{"routes": [{"route": {"weighted_clusters": {"clusters": [{"name": "a", "weight": 1}]}}}]}]},
    ],
)
def test_routes_that_are_not_ours_are_none(broken: dict[str, object]) -> None:
    assert config.traffic_in(broken) is None


def test_endpoints_read_back() -> None:
    part = config.endpoints("stable", 8123, "v1", came_from="candidate")
    assert config.port_in(part) == 8123
    assert config.notes_in(part) == {"variant": "stable", "came_from": "candidate"}
    assert config.port_in(config.endpoints("candidate", None, "v1")) is None
    assert config.notes_in(config.endpoints("candidate", None, "v1")) == {}


def test_the_admin_interface_is_on_loopback_whatever_the_listener_is() -> None:
    fixed = config.bootstrap(PROXY.model_copy(update={"host": "0.0.0.0"}))  # noqa: S104
    assert fixed["admin"]["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": 2}
    assert fixed["static_resources"]["listeners"][0]["address"]["socket_address"]["address"] == "0.0.0.0"  # noqa: S104


def test_a_salt_cannot_write_into_the_rewrite() -> None:
    part = config.routes(Traffic(), "v", PROXY.model_copy(update={"sticky_header": "x-key", "salt": r"a\2 b"}))
    route = part["resources"][0]["virtual_hosts"][0]["routes"][0]["route"]
    assert route["hash_policy"][0]["header"]["regex_rewrite"]["substitution"] == r"a_2_b:\1"


@pytest.mark.parametrize("sticky", [None, "x-customer"])
def test_envoy_takes_all_of_it(tmp_path: Path, sticky: str | None) -> None:
    proxy = Proxy(folder=tmp_path, port=8080, admin_port=8081, sticky_header=sticky)
    prepare(proxy)
    place(proxy.routes, config.routes(Traffic(mirror="candidate"), "v", proxy))
    validate(proxy)

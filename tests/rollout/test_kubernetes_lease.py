from datetime import timedelta

import pytest

from components.rollout.kubernetes_lease import hold, release
from components.rollout.kubernetes_objects import LEASES, Conflict
from tests.rollout.kubernetes_api import serving
from tests.rollout.looks import START


@pytest.fixture
def objects():
    with serving() as (_, made):
        yield made


def asks(objects, who, after):
    return hold(objects, "sba", who, START + timedelta(seconds=after), 29.5)


def test_a_lease_says_who_and_until_when_in_kubernetes_own_terms(objects):
    assert asks(objects, "pod-1/7", 0)
    found = objects.get(LEASES, "modelrollout-sba")["spec"]
    assert (found["holderIdentity"], found["leaseDurationSeconds"], found["leaseTransitions"]) == ("pod-1/7", 30, 0)
    assert found["renewTime"] == "2026-03-01T09:00:00.000000Z"
    assert not asks(objects, "pod-2/7", 29)
    assert asks(objects, "pod-2/7", 30)
    assert objects.get(LEASES, "modelrollout-sba")["spec"]["leaseTransitions"] == 1


def test_what_is_released_is_free_at_once(objects):
    assert asks(objects, "pod-1/7", 0)
    release(objects, "sba", "pod-1/7")
    assert asks(objects, "pod-2/7", 1)
    release(objects, "sba", "pod-1/7")
    assert not asks(objects, "pod-1/7", 2)


@pytest.mark.parametrize("method", ["create", "replace"])
def test_who_comes_second_has_no_right(objects, monkeypatch, method):
    if method == "replace":
        assert asks(objects, "pod-1/7", 0)

    def late(*_):
        raise Conflict("changed meanwhile")

    monkeypatch.setattr(objects, method, late)
    assert not asks(objects, "pod-2/7", 60)

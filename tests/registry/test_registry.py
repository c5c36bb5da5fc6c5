import shutil
import time

import pytest

from components.core.errors import FairleadError, GateFailed, IntegrityError
from components.core.ledger import Ledger
from components.registry import approvals, store
from components.registry.client import MlflowClient, client
from components.registry.registry import Registry
from components.serving.server import open_bundle
from components.training import signing
from tests.registry.conftest import GATES, METRICS, run_and_kill, run_at_once


def _promote(settings, which):
    registry = Registry(settings)
    asked = registry.request("sba_loans", which)
    approvals.approve(settings, asked.id)
    return registry.promote("sba_loans", which, asked.id)


def test_a_registered_bundle_is_the_challenger_with_everything_known_of_it(register, signed_bundle, settings):
    version = register(signed_bundle)
    assert (version.version, version.aliases) == (1, ("challenger",))
    assert version.digest == store.digest(signed_bundle)
    assert version.metrics == tuple(METRICS)
    assert version.gates == tuple(GATES)
    assert version.parameters == {"max_depth": "4"}
    assert version.contract.model == "sba_loans"
    signing.verify(store.fetch(version.model_uri, settings.home, settings), settings.verify_key)
    (entry,) = Ledger(settings.ledger_path).entries("registry.registered")
    assert entry.payload["digest"] == version.digest
    assert entry.payload["data_hash"] == version.contract.data_hash


def test_the_same_bundle_is_registered_once(register, signed_bundle, settings):
    first = register(signed_bundle)
    assert register(signed_bundle) == first
    assert len(Registry(settings).versions("sba_loans")) == 1
    assert len(Ledger(settings.ledger_path).entries()) == 1


def test_registering_takes_less_than_two_seconds(register, signed_bundle):
    start = time.perf_counter()
    register(signed_bundle)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    ("gates", "says"),
    [
        ([], "no gate was judged"),
        ([GATES[0].model_copy(update={"verdict": "fail"})], "auc_floor"),
        ([GATES[0].model_copy(update={"verdict": "no_data"})], "auc_floor"),
    ],
)
def test_a_bundle_whose_gates_did_not_pass_is_refused(register, signed_bundle, settings, gates, says):
    with pytest.raises(GateFailed, match=says):
        register(signed_bundle, gates=gates)
    assert Registry(settings).versions("sba_loans") == []
    assert Ledger(settings.ledger_path).entries() == []


def test_a_tampered_bundle_is_refused(register, signed_bundle, settings, tmp_path):
    copy = shutil.copytree(signed_bundle, tmp_path / "copy")
    (copy / "calibration.json").write_text("{}")
    with pytest.raises(IntegrityError, match=r"calibration\.json"):
        register(copy)
    assert Registry(settings).versions("sba_loans") == []


def test_an_unsigned_bundle_is_refused(register, signed_bundle, tmp_path):
    copy = shutil.copytree(signed_bundle, tmp_path / "copy")
    (copy / "model.sig").unlink()
    with pytest.raises(IntegrityError, match="not signed"):
        register(copy)


@pytest.mark.parametrize(("text", "says"), [(None, "no smoke test"), ("{", "not JSON"), ('{"rows": 0}', "rows=0")])
def test_a_bundle_without_a_smoke_test_is_refused(register, signed_bundle, tmp_path, text, says):
    path = tmp_path / "other.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(FairleadError, match=says):
        register(signed_bundle, smoke=path)


def test_a_bundle_of_another_use_case_is_refused(settings, signed_bundle, smoke):
    with pytest.raises(FairleadError, match="'sba_loans', not of 'card_default'"):
        Registry(settings).register(signed_bundle, "card_default", METRICS, GATES, smoke, {})


STEPS = [
    (store.shutil, "copytree"),
    (store, "put"),
    (MlflowClient, "create_registered_model"),
    (MlflowClient, "create_model_version"),
    (MlflowClient, "set_registered_model_alias"),
    (Ledger, "append"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _, name in STEPS])
def test_a_registration_killed_anywhere_is_completed_by_the_next(register, signed_bundle, settings, owner, name, when):
    run_and_kill(lambda: register(signed_bundle), owner, name, when)
    for half in Registry(settings).versions("sba_loans"):
        # What a reader sees in between is whole: the tags are all there, and so is the bundle.
        store.fetch(half.uri, settings.home, settings)
    version = register(signed_bundle)
    assert (version.version, version.aliases) == (1, ("challenger",))
    assert len(Registry(settings).versions("sba_loans")) == 1
    assert len(Ledger(settings.ledger_path).entries("registry.registered")) == 1
    assert Registry(settings).audit("sba_loans") == []


def test_processes_that_register_one_bundle_at_once_make_one_version(register, signed_bundle, settings):
    run_at_once(*[lambda: register(signed_bundle)] * 4)
    (version,) = Registry(settings).versions("sba_loans")
    assert version.aliases == ("challenger",)
    assert len(Ledger(settings.ledger_path).entries("registry.registered")) == 1


def test_processes_that_register_different_bundles_at_once_make_a_version_each(register, variant, settings):
    bundles = [variant(str(i)) for i in range(3)]
    run_at_once(*[lambda b=b: register(b) for b in bundles])
    versions = Registry(settings).versions("sba_loans")
    assert {v.digest for v in versions} == {store.digest(b) for b in bundles}
    assert [v.version for v in versions] == [1, 2, 3]
    assert Ledger(settings.ledger_path).verify() == 3


def test_a_duplicate_that_was_left_behind_is_removed(register, signed_bundle, settings):
    version = register(signed_bundle)
    mlflow = client(settings)
    mlflow.create_model_version("sba_loans", version.uri, tags={"digest": version.digest})
    assert register(signed_bundle).version == 1
    assert [v.version for v in mlflow.search_model_versions("name = 'sba_loans'")] == [1]


def test_the_latest_version_is_the_challenger(register, signed_bundle, variant, settings):
    register(signed_bundle)
    register(variant("b"))
    register(signed_bundle)
    assert [v.aliases for v in Registry(settings).versions("sba_loans")] == [(), ("challenger",)]


def test_a_registration_completed_late_does_not_push_a_newer_challenger_aside(
    register, signed_bundle, variant, settings
):
    newer = variant("b")
    run_and_kill(lambda: register(signed_bundle), MlflowClient, "set_registered_model_alias", "before")
    assert register(newer).aliases == ("challenger",)
    assert register(signed_bundle).aliases == ()
    assert Registry(settings).audit("sba_loans") == []


def test_promotion_moves_the_aliases_and_keeps_the_way_back(register, signed_bundle, variant, settings):
    register(signed_bundle)
    register(variant("b"))
    registry = Registry(settings)
    assert registry.champion("sba_loans") is None
    _promote(settings, 1)
    assert _promote(settings, "challenger").version == 2
    first, second = registry.versions("sba_loans")
    assert (first.aliases, second.aliases) == (("archived",), ("champion",))
    assert first.archived_at is not None
    assert second.archived_at is None
    _promote(settings, "archived")
    first, second = registry.versions("sba_loans")
    assert (first.aliases, second.aliases) == (("champion",), ("archived",))
    assert first.archived_at is None
    assert registry.champion("sba_loans") == first
    assert registry.audit("sba_loans") == []


def test_what_is_served_by_its_alias_goes_by_its_number(register, signed_bundle, variant, settings):
    register(signed_bundle)
    register(variant("b"))
    _promote(settings, 1)
    assert open_bundle("models:/sba_loans@champion", settings)[1] == "1"
    assert open_bundle("models:/sba_loans/2", settings)[1] == "2"
    with pytest.raises(FairleadError, match="no model models:/sba_loans@nobody in the registry"):
        open_bundle("models:/sba_loans@nobody", settings)


def test_the_ledger_ties_data_run_model_and_approval(register, signed_bundle, settings):
    version = register(signed_bundle, run_id="abc")
    _promote(settings, 1)
    ledger = Ledger(settings.ledger_path)
    assert ledger.verify() == 4
    registered, _, given, promoted = ledger.entries()
    assert registered.payload["data_hash"] == version.contract.data_hash
    assert registered.payload["run_id"] == "abc"
    assert {e.payload["digest"] for e in (registered, given, promoted)} == {version.digest}
    assert promoted.payload["approval_hash"] == given.hash


def test_promotion_needs_an_approval_that_was_given_for_this_model(register, signed_bundle, variant, settings):
    register(signed_bundle)
    register(variant("b"))
    registry = Registry(settings)
    with pytest.raises(FairleadError, match="unknown approval 'nonsense'"):
        registry.promote("sba_loans", 1, "nonsense")
    asked = registry.request("sba_loans", 1)
    with pytest.raises(FairleadError, match="is requested; only one that is given"):
        registry.promote("sba_loans", 1, asked.id)
    approvals.approve(settings, asked.id)
    with pytest.raises(FairleadError, match=r"is for sba_loans version 1 .* not for sba_loans version 2"):
        registry.promote("sba_loans", 2, asked.id)
    registry.promote("sba_loans", 1, asked.id)
    with pytest.raises(FairleadError, match="is used"):
        registry.promote("sba_loans", 1, asked.id)
    refused = registry.request("sba_loans", 2)
    approvals.reject(settings, refused.id, "lift too low")
    with pytest.raises(FairleadError, match="is rejected"):
        registry.promote("sba_loans", 2, refused.id)
    assert registry.champion("sba_loans").version == 1


def test_promotion_needs_a_role(register, signed_bundle, settings, tmp_path):
    register(signed_bundle)
    asked = Registry(settings).request("sba_loans", 1)
    approvals.approve(settings, asked.id)
    roles = tmp_path / "roles.yaml"
    roles.write_text("actors: {tester: [data_scientist, approver]}")
    with pytest.raises(FairleadError, match="'promote' needs: operator"):
        Registry(settings.model_copy(update={"roles": roles})).promote("sba_loans", 1, asked.id)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "name", ["set_model_version_tag", "set_registered_model_alias", "delete_registered_model_alias"]
)
def test_a_promotion_killed_anywhere_is_completed_by_the_next(register, signed_bundle, variant, settings, name, when):
    # Connections are opened in child processes: a fork must not inherit one.
    other = variant("b")
    run_at_once(lambda: (register(signed_bundle), _promote(settings, 1), register(other)))
    run_at_once(lambda: Registry(settings).request("sba_loans", 2))
    asked = approvals.approvals(settings)[-1].id
    approvals.approve(settings, asked)
    run_and_kill(lambda: Registry(settings).promote("sba_loans", 2, asked), MlflowClient, name, when)
    Registry(settings).promote("sba_loans", 2, asked)
    first, second = Registry(settings).versions("sba_loans")
    assert (first.aliases, second.aliases) == (("archived",), ("champion",))
    assert Registry(settings).audit("sba_loans") == []


def test_the_audit_finds_what_went_past_the_ledger(register, signed_bundle, settings):
    register(signed_bundle)
    mlflow = client(settings)
    mlflow.set_registered_model_alias("sba_loans", "champion", "1")
    (wrong,) = Registry(settings).audit("sba_loans")
    assert wrong == "the champion is version 1 by its alias and version None by the ledger"
    settings.ledger_path.unlink()
    assert any("not in the ledger" in line for line in Registry(settings).audit("sba_loans"))


def test_an_unknown_version_is_named_with_those_there_are(register, signed_bundle, settings):
    register(signed_bundle)
    with pytest.raises(FairleadError, match=r"unknown version of sba_loans 7; allowed: 1 \(challenger\)"):
        Registry(settings).version("sba_loans", 7)


def test_a_version_that_someone_else_made_hides_no_other(register, signed_bundle, variant, settings):
    register(signed_bundle)
    _promote(settings, 1)
    mlflow = client(settings)
    mlflow.create_model_version("sba_loans", "/nowhere")
    mlflow.set_registered_model_alias("sba_loans", "foreign", "2")
    newer = register(variant("b"))
    registry = Registry(settings)
    assert (newer.version, newer.aliases) == (3, ("challenger",))
    assert [v.version for v in registry.versions("sba_loans")] == [1, 3]
    (line,) = registry.unreadable("sba_loans")
    assert line.startswith("version 2 of sba_loans in the registry has no readable tag 'digest'")
    assert registry.champion("sba_loans").version == registry.version("sba_loans", "champion").version == 1
    assert registry.audit("sba_loans") == [line]
    for which in (2, "foreign"):
        with pytest.raises(IntegrityError, match=r"delete_model_version\('sba_loans', '2'\)\) and register its bundle"):
            registry.version("sba_loans", which)
    mlflow.delete_model_version("sba_loans", "2")
    assert registry.audit("sba_loans") == []


def test_a_champion_that_cannot_be_read_is_told_and_can_be_replaced(register, signed_bundle, variant, settings):
    register(signed_bundle)
    register(variant("b"))
    _promote(settings, 1)
    client(settings).set_model_version_tag("sba_loans", "1", "contract", "{")
    registry = Registry(settings)
    with pytest.raises(IntegrityError, match="promote one of them if this one is champion"):
        registry.champion("sba_loans")
    assert _promote(settings, 2).aliases == ("champion",)
    assert registry.champion("sba_loans").version == 2
    (line,) = registry.audit("sba_loans")
    assert line.startswith("version 1 of sba_loans")


@pytest.mark.parametrize("which", [7, "nobody", "", "1 OR 1"])
def test_what_no_version_is_called_is_unknown_in_a_registry_that_is_empty_or_not(
    register, signed_bundle, settings, which
):
    with pytest.raises(FairleadError, match=r"unknown version of sba_loans .*; allowed: none"):
        Registry(settings).version("sba_loans", which)
    register(signed_bundle)
    with pytest.raises(FairleadError, match=r"unknown version of sba_loans .*; allowed: 1 \(challenger\)"):
        Registry(settings).version("sba_loans", which)


def _lose_the_registry(settings, empty_store):
    shutil.copy(empty_store, settings.home / "mlflow.db")


def test_a_registry_that_was_lost_is_filled_again(register, signed_bundle, settings, tmp_path, empty_store):
    # Connections are opened in child processes: the file is swapped under none.
    run_at_once(lambda: register(signed_bundle))
    _lose_the_registry(settings, empty_store)
    run_at_once(lambda: (tmp_path / "lines").write_text("\n".join(Registry(settings).audit("sba_loans"))))
    lines = (tmp_path / "lines").read_text().splitlines()
    assert lines == [f"version 1 (digest {store.digest(signed_bundle)[:12]}…) is in the ledger, not in the registry"]
    version = register(signed_bundle)
    assert (version.version, version.aliases) == (1, ("challenger",))
    first, second = Ledger(settings.ledger_path).entries("registry.registered")
    assert first.payload["digest"] == second.payload["digest"] == version.digest
    assert second.payload["registration"] == f"models:/sba_loans/1 of {version.created}"
    assert first.payload["registration"] != second.payload["registration"]
    assert Registry(settings).audit("sba_loans") == []
    assert register(signed_bundle) == version
    assert len(Ledger(settings.ledger_path).entries("registry.registered")) == 2


def test_a_champion_of_a_lost_registry_is_promoted_anew(register, signed_bundle, settings, empty_store):
    run_at_once(lambda: (register(signed_bundle), _promote(settings, 1)))
    _lose_the_registry(settings, empty_store)
    assert register(signed_bundle).aliases == ("challenger",)
    assert Registry(settings).audit("sba_loans") == [
        "the champion is version None by its alias and version 1 by the ledger"
    ]
    _promote(settings, "challenger")
    assert Registry(settings).audit("sba_loans") == []


def test_another_model_under_the_champions_number_is_found(register, signed_bundle, variant, settings, empty_store):
    run_at_once(lambda: (register(signed_bundle), _promote(settings, 1)))
    _lose_the_registry(settings, empty_store)
    register(variant("b"))
    client(settings).set_registered_model_alias("sba_loans", "champion", "1")
    assert any("the champion, version 1, has digest" in line for line in Registry(settings).audit("sba_loans"))


def test_an_old_version_registered_again_is_no_challenger_to_a_newer_champion(
    register, signed_bundle, variant, settings
):
    register(signed_bundle)
    register(variant("b"))
    _promote(settings, 2)
    assert register(signed_bundle).aliases == ()


def test_the_audit_finds_a_bundle_that_is_gone(register, signed_bundle, settings):
    uri = register(signed_bundle).uri
    shutil.rmtree(uri)
    assert Registry(settings).audit("sba_loans") == [
        f"version 1 has no bundle at {uri}; put it back, or register it again"
    ]
    register(signed_bundle)
    assert Registry(settings).audit("sba_loans") == []


def test_metrics_too_long_for_a_tag_are_refused_before_anything_is_made(register, signed_bundle, settings):
    many = [METRICS[0].model_copy(update={"slice": f"s={i}"}) for i in range(1000)]
    with pytest.raises(FairleadError, match="metrics of this model take"):
        register(signed_bundle, metrics=many)
    assert Registry(settings).versions("sba_loans") == []

import json
import shutil
import time
from pathlib import Path

import pytest

from components.core.artifacts import hash_file
from components.core.errors import FairleadError, IntegrityError
from components.core.ledger import Ledger
from components.registry import renewal, store
from components.registry.client import client
from components.registry.registry import Registry
from components.registry.renewal import sign_anew
from components.training import integrity, signing
from tests.registry.conftest import run_and_kill


@pytest.fixture
def registered(register, signed_bundle):
    return register(signed_bundle)


@pytest.fixture
def new_keys(registered, settings):
    """Both keys are lost, and what was signed with them cannot be verified any more."""
    assert registered.version == 1
    shutil.rmtree(settings.signing_key.parent)
    signing.ensure_key(settings.signing_key, settings.verify_key)


@pytest.mark.usefixtures("new_keys")
def test_a_bundle_signed_anew_is_verified_with_the_new_key(registered, settings):
    bundle = Path(registered.uri)
    with pytest.raises(IntegrityError, match="if the keys were changed since it was signed: fairlead sign USE_CASE"):
        signing.verify(bundle, settings.verify_key)
    before = integrity.checksums(bundle)
    assert sign_anew(settings, "sba_loans", "challenger") == registered
    signing.verify(store.fetch(registered.model_uri, settings.home / "f", settings), settings.verify_key)
    assert integrity.checksums(bundle) == before
    assert store.digest(bundle) == registered.digest
    (entry,) = Ledger(settings.ledger_path).entries("registry.signed")
    assert entry.actor == settings.actor
    assert entry.payload == {
        "use_case": "sba_loans",
        "version": 1,
        "digest": registered.digest,
        "verify_key": hash_file(settings.verify_key),
    }
    assert Registry(settings).audit("sba_loans") == []


@pytest.mark.usefixtures("registered")
def test_a_pair_is_made_where_both_keys_are_gone(settings):
    shutil.rmtree(settings.signing_key.parent)
    sign_anew(settings, "sba_loans", 1)
    assert settings.verify_key.is_file()


def test_a_bundle_that_was_changed_is_not_signed(registered, settings):
    bundle = Path(registered.uri)
    old = (bundle / "model.sig").read_bytes()
    (bundle / "model_card.md").write_text("# Nothing to see")
    with pytest.raises(IntegrityError, match=r"model_card\.md: expected sha256"):
        sign_anew(settings, "sba_loans", 1)
    # Its checksums forged too, its name gives it away; under another name, the digest that was registered does.
    (bundle / "checksums.json").write_text(json.dumps(integrity.checksums(bundle)))
    with pytest.raises(IntegrityError, match="it was stored under another"):
        sign_anew(settings, "sba_loans", 1)
    assert (bundle / "model.sig").read_bytes() == old
    assert Ledger(settings.ledger_path).entries("registry.signed") == []


def test_a_bundle_that_the_ledger_does_not_know_is_not_signed(registered, settings, variant):
    other = store.put(variant("other"), settings.bundle_store)
    client(settings).create_model_version(
        "sba_loans", other, tags={**client(settings).get_model_version("sba_loans", "1").tags}
    )
    with pytest.raises(IntegrityError, match=f"the registry says {registered.digest[:12]}.*fairlead audit sba_loans"):
        sign_anew(settings, "sba_loans", 2)
    client(settings).set_model_version_tag("sba_loans", "2", "digest", store.digest(Path(other)))
    with pytest.raises(IntegrityError, match="it is not signed"):
        sign_anew(settings, "sba_loans", 2)


@pytest.mark.usefixtures("registered")
def test_keys_that_are_no_pair_sign_nothing(settings, tmp_path):
    signing.ensure_key(tmp_path / "other.pem", tmp_path / "other.pub.pem")
    mixed = settings.model_copy(update={"verify_key": tmp_path / "other.pub.pem"})
    with pytest.raises(IntegrityError, match=r"other\.pub\.pem"):
        sign_anew(mixed, "sba_loans", 1)
    assert Ledger(settings.ledger_path).entries("registry.signed") == []


@pytest.mark.usefixtures("registered")
def test_signing_needs_the_role_that_may_promote(settings, tmp_path):
    roles = tmp_path / "roles.yaml"
    roles.write_text("actors: {tester: [data_scientist, approver, auditor]}")
    with pytest.raises(FairleadError, match="'sign' needs: operator"):
        sign_anew(settings.model_copy(update={"roles": roles}), "sba_loans", 1)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("owner", "name"),
    [(renewal.signing, "sign"), (renewal.store, "put"), (Ledger, "append")],
    ids=["sign", "put", "append"],
)
@pytest.mark.usefixtures("new_keys")
def test_killed_anywhere_and_run_again_it_completes(settings, registered, owner, name, when):
    run_and_kill(lambda: sign_anew(settings, "sba_loans", 1), owner, name, when)
    sign_anew(settings, "sba_loans", 1)
    signing.verify(Path(registered.uri), settings.verify_key)
    assert Registry(settings).audit("sba_loans") == []


@pytest.mark.usefixtures("registered")
def test_signing_anew_takes_less_than_two_seconds(settings):
    start = time.perf_counter()
    sign_anew(settings, "sba_loans", 1)
    assert time.perf_counter() - start < 2

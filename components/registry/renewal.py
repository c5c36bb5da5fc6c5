"""Renewal of a signature: after a change of keys, a registered bundle is signed with the new one."""

import shutil
import tempfile
from pathlib import Path

from components.core.access import read_access
from components.core.artifacts import hash_file
from components.core.config import Settings
from components.core.errors import IntegrityError
from components.core.ledger import Ledger
from components.registry import store
from components.registry.approvals import REGISTERED, SIGNED
from components.registry.registry import Registry
from components.registry.version import Version
from components.training import signing


def sign_anew(settings: Settings, use_case: str, which: int | str) -> Version:
    """Sign a registered bundle with the present key, and record it.

    What is signed is what was registered, byte for byte. The old signature is not looked at: its key may be lost. What
    vouches for the bytes is the digest in the ledger, whose chain is verified first. Killed anywhere and run again, it
    completes.

    Args:
        settings: where registry, store, ledger and keys are; a key pair is made where there is none.
        use_case: name of the model.
        which: number or alias of the version.

    Raises:
        FairleadError: no such version or bundle, a key cannot be read, or the actor may not sign.
        IntegrityError: a file is not that of its checksums, the digest is not the one that was registered, or the two
            keys are no pair.
    """
    read_access(settings).require(settings.actor, "sign")
    ledger = Ledger(settings.ledger_path)
    ledger.verify()
    version = Registry(settings).version(use_case, which)
    with tempfile.TemporaryDirectory() as folder:
        fetched = store.fetch(version.uri, Path(folder) / "fetched", settings)
        digest = store.digest(fetched)
        registered = {e.payload["digest"] for e in ledger.entries(REGISTERED) if e.payload["use_case"] == use_case}
        if digest != version.digest or digest not in registered:
            raise IntegrityError(
                f"the bundle of version {version.version} of {use_case} has digest {digest[:12]}…, the registry says "
                f"{version.digest[:12]}… and the ledger knows {', '.join(sorted(d[:12] + '…' for d in registered))}; "
                f"it is not signed. See what was changed: fairlead audit {use_case}"
            )
        copy = Path(shutil.copytree(fetched, Path(folder) / "bundle" / digest))
        signing.ensure_key(settings.signing_key, settings.verify_key)
        signing.sign(copy, settings.signing_key)
        signing.verify(copy, settings.verify_key)
        store.put(copy, version.uri.removeprefix("file://").rstrip("/").rpartition("/")[0])
    payload = {
        "use_case": use_case,
        "version": version.version,
        "digest": digest,
        "verify_key": hash_file(settings.verify_key),
    }
    ledger.append(SIGNED, payload, settings.actor)
    return version

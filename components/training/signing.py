"""Signing: says who made a bundle, and that nobody touched it since."""

import ast
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from model_signing import hashing, signing, verifying

from components.core.artifacts import one_at_a_time
from components.core.errors import FairleadError, IntegrityError
from components.training.integrity import SIGNATURE

SIGN_ANEW = "fairlead sign USE_CASE VERSION"
"""Command that signs a registered bundle with the present key."""

_NEW_KEYS = f"if the keys were changed since it was signed: {SIGN_ANEW}"


def ensure_key(signing_key: Path, verify_key: Path) -> None:
    """Make a key pair (EC P-256, PEM) where there is none; several processes may ask at once.

    The private key is readable by its owner alone. Neither key is ever written over: a public key that is missing is
    derived from the private one.

    Raises:
        FairleadError: there is a public key without its private key, or the private key cannot be read.
    """
    # A mounted Secret cannot be written, not even a lock; a key that is there never changes.
    if signing_key.exists() and verify_key.exists():
        return
    with one_at_a_time(signing_key.parent / f".{signing_key.name}.lock"):
        if not signing_key.exists():
            if verify_key.exists():
                raise FairleadError(
                    f"there is a verify key {verify_key} but no signing key {signing_key}; put the signing key there, "
                    "or move the verify key away to start with a new pair, and then sign the versions in use anew: "
                    f"{SIGN_ANEW}"
                )
            _write_key(signing_key, _private_pem(ec.generate_private_key(ec.SECP256R1())), mode=0o600)
        if not verify_key.exists():
            _write_key(verify_key, _public_pem(_read_private(signing_key)), mode=0o644)


def sign(bundle: Path, key: Path) -> None:
    """Sign all files of a bundle and write ``model.sig`` into it; needs no network.

    Args:
        bundle: a written bundle.
        key: private key, PEM.

    Raises:
        FairleadError: the key cannot be read.
    """
    _read_private(key)
    with tempfile.TemporaryDirectory(prefix=f".{bundle.name}-", dir=bundle.parent) as scratch:
        written = Path(scratch) / SIGNATURE
        config = signing.Config().use_elliptic_key_signer(private_key=key)  # type: ignore[no-untyped-call]
        config.set_hashing_config(_hashing(bundle)).sign(bundle, written)
        written.replace(bundle / SIGNATURE)


def verify(bundle: Path, key: Path) -> None:
    """Check a bundle's signature; needs no network, and unpickles nothing.

    Args:
        bundle: its directory.
        key: public key, PEM.

    Raises:
        IntegrityError: no signature, a signature by another key, or files changed, added or removed since; names them.
        FairleadError: the key cannot be read.
    """
    signature = bundle / SIGNATURE
    if not signature.is_file():
        raise IntegrityError(f"bundle {bundle} is not signed: it has no {SIGNATURE}; sign it where it was made")
    _read_public(key)
    try:
        verifier = verifying.Config().use_elliptic_key_verifier(public_key=key)  # type: ignore[no-untyped-call]
        verifier.set_hashing_config(_hashing(bundle)).verify(bundle, signature)
    except InvalidSignature as error:
        raise IntegrityError(f"bundle {bundle}: {SIGNATURE} was not made by the owner of {key}; {_NEW_KEYS}") from error
    except Exception as error:  # the library raises ValueError, and errors of whatever parses the signature
        raise IntegrityError(
            f"bundle {bundle} does not fit its signature and {key}: {_words(error)}; {_NEW_KEYS}"
        ) from error


def _hashing(bundle: Path) -> hashing.Config:
    # Own settings, not those that the signature names: no path but the signature's own is ever left out.
    return hashing.Config().set_ignored_paths(paths=[bundle / SIGNATURE], ignore_git_paths=False)  # type: ignore[no-untyped-call]


def _words(error: Exception) -> str:
    """Take the names out of the library's message and leave its raw digests behind."""
    text = str(error).strip().rstrip(".") or type(error).__name__
    head, found, differences = text.partition("Signature mismatch: ")
    if head or not found:
        return text
    return "; ".join(line.partition(": Expected ")[0] for line in ast.literal_eval(differences))


def _read_private(path: Path) -> ec.EllipticCurvePrivateKey:
    with _readable(path, "signing"):
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key
        raise ValueError(f"it is a {type(key).__name__}")


def _read_public(path: Path) -> ec.EllipticCurvePublicKey:
    with _readable(path, "verify"):
        key = serialization.load_pem_public_key(path.read_bytes())
        if isinstance(key, ec.EllipticCurvePublicKey):
            return key
        raise ValueError(f"it is a {type(key).__name__}")


@contextmanager
def _readable(path: Path, name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, TypeError) as error:
        raise FairleadError(
            f"{name} key {path} cannot be read: {error}; expected an unencrypted elliptic-curve key in PEM form "
            f"(set FAIRLEAD_{name.upper()}_KEY to its path). If it is lost, move the other half of the pair away too, "
            f"and sign each version in use with a new pair: {SIGN_ANEW}"
        ) from error


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _write_key(path: Path, pem: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}-{os.getpid()}")
    scratch.unlink(missing_ok=True)
    # Opened with its final mode: at no moment can anyone else read a private key.
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as f:
        f.write(pem)
    scratch.replace(path)

"""The bundle store: bundles kept under the digest of their content, in a directory or a bucket."""

import hashlib
import re
import shutil
from pathlib import Path

from components.core.artifacts import files_below, hash_file, whole_directory, write_whole
from components.core.config import Settings
from components.core.errors import FairleadError, IntegrityError, unknown
from components.core.objects import download, is_object, object_store
from components.training.integrity import CHECKSUMS, SIGNATURE, file_differences, refuse

ALLOWED = ("DIRECTORY", "gs://BUCKET/NAME", "s3://BUCKET/NAME", "models:/NAME/VERSION", "models:/NAME@ALIAS")
"""Forms of URI that ``fetch`` takes."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


def digest(bundle: Path) -> str:
    """Return the digest that names a bundle: the sha256 of its ``checksums.json``.

    That file has the checksum of every other one, so equal digests mean equal models. The signature stays outside:
    the same model signed again is the same model.

    Raises:
        IntegrityError: there is no such file.
    """
    path = bundle / CHECKSUMS
    if not path.is_file():
        raise IntegrityError(
            f"{bundle} is no bundle: it has no {CHECKSUMS}; give the directory that the bundle step wrote"
        )
    return hash_file(path)


def put(bundle: Path, root: str) -> str:
    """Keep a bundle under ``root`` and return its URI, which ends in its digest.

    A bundle that is there already is not written again; a new signature of it is. A process killed in the middle
    leaves nothing that ``fetch`` would take.

    Args:
        bundle: a bundle directory.
        root: a directory, ``gs://BUCKET/PREFIX`` or ``s3://BUCKET/PREFIX``.

    Raises:
        IntegrityError: the bundle's files are not those of its checksums.
        FairleadError: ``root`` is none of the three.
    """
    refuse(bundle, file_differences(bundle))
    name = digest(bundle)
    if is_object(root):
        return _put_objects(bundle, f"{root.rstrip('/')}/{name}")
    if "://" in root:
        raise unknown("bundle store", root, ["DIRECTORY", "gs://BUCKET/PREFIX", "s3://BUCKET/PREFIX"])
    target = Path(root).absolute() / name
    if not target.exists():
        with whole_directory(target) as scratch:
            shutil.copytree(bundle, scratch, dirs_exist_ok=True)
    _renew_signature(bundle, target)
    return str(target)


def fetch(uri: str, target: Path, settings: Settings) -> Path:
    """Bring a bundle to this machine and return its directory, its files checked against its checksums.

    Args:
        uri: a directory (used where it is), ``gs://…``, ``s3://…``, ``models:/NAME/VERSION`` or
            ``models:/NAME@ALIAS`` (looked up in the registry of ``settings``).
        target: directory that keeps fetched bundles, each under its digest; one that is there is not fetched again.
        settings: where the registry is.

    Raises:
        FairleadError: the URI has another form, or nothing is there.
        IntegrityError: a file is missing, too many or changed; says which.
    """
    if uri.startswith("models:/"):
        # Imported here: a server that is given a directory does not pay for the registry's client.
        from components.registry.client import resolve

        return fetch(resolve(uri, settings), target, settings)
    if is_object(uri):
        found = _fetch_objects(uri, target)
    elif "://" in uri and not uri.startswith("file://"):
        raise unknown("bundle URI", uri, ALLOWED)
    else:
        found = Path(uri.removeprefix("file://"))
        if not found.is_dir():
            raise FairleadError(f"no bundle at {uri!r}: there is no such directory; allowed: {', '.join(ALLOWED)}")
    refuse(found, file_differences(found))
    _check_name(found, uri)
    return found


def present(uri: str) -> bool:
    """Say whether there is a bundle at a URI of the store; its files are not checked.

    Args:
        uri: a directory, ``gs://…`` or ``s3://…``, as ``put`` returned it.
    """
    if is_object(uri):
        found, prefix = object_store(uri)
        return f"{prefix}/{CHECKSUMS}" in found.names(f"{prefix}/")
    return (Path(uri.removeprefix("file://")) / CHECKSUMS).is_file()


def _check_name(bundle: Path, uri: str) -> None:
    name = uri.rstrip("/").rpartition("/")[2]
    if _DIGEST.fullmatch(name) and name != digest(bundle):
        raise IntegrityError(f"bundle {uri} has digest {digest(bundle)}; it was stored under another")


def _renew_signature(bundle: Path, target: Path) -> None:
    if (bundle / SIGNATURE).is_file():
        _write_signature(target / SIGNATURE, (bundle / SIGNATURE).read_bytes())


def _write_signature(path: Path, new: bytes) -> None:
    if not (path.is_file() and path.read_bytes() == new):
        write_whole(path, new)


def _put_objects(bundle: Path, uri: str) -> str:
    store, prefix = object_store(uri)
    there = set(store.names(f"{prefix}/"))
    files = {f"{prefix}/{p.relative_to(bundle).as_posix()}": p for p in files_below(bundle)}
    last = f"{prefix}/{CHECKSUMS}"
    if last not in there:
        for name, path in files.items():
            if name != last and not name.endswith(f"/{SIGNATURE}"):
                store.write(name, path)
    if (bundle / SIGNATURE).is_file():
        store.write(f"{prefix}/{SIGNATURE}", bundle / SIGNATURE)
    if last not in there:
        # Written last: without it a reader takes the objects for no bundle.
        store.write(last, bundle / CHECKSUMS)
    return uri


def _fetch_objects(uri: str, target: Path) -> Path:
    store, prefix = object_store(uri)
    last = f"{prefix}/{CHECKSUMS}"
    names = store.names(f"{prefix}/")
    if last not in names:
        raise FairleadError(f"no bundle at {uri!r}: no object {CHECKSUMS} there; check the URI and the credentials")
    with store.reader(last) as stream:
        name = hashlib.sha256(stream.read()).hexdigest()
    folder = target / name
    odd = [key for key in names if "/" in key.removeprefix(f"{prefix}/")]
    refuse(Path(uri), [f"{key.removeprefix(f'{prefix}/')}: a bundle has no folders" for key in odd])
    if not folder.exists():
        bucket = uri[: uri.index(prefix)].rstrip("/")
        with whole_directory(folder) as scratch:
            for key in names:
                download(f"{bucket}/{key}", scratch / key.removeprefix(f"{prefix}/"))
    elif f"{prefix}/{SIGNATURE}" in names:
        # The same model may have been signed anew since it was fetched.
        with store.reader(f"{prefix}/{SIGNATURE}") as stream:
            _write_signature(folder / SIGNATURE, stream.read())
    return folder

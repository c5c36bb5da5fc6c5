"""Archives of images in the OCI layout, written without a container engine; ``ctr images import`` takes them.

``static_image`` makes one of a program that needs nothing else, ``pause_image`` the one that holds a pod's namespaces;
``pack`` makes an archive of a layout that another tool wrote. Archives are kept by content in ``folder()``.
"""

import gzip
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.cluster.programs import cache_folder, program

PAUSE = "fairlead.test/pause:1"
"""Name of the image that ``pause_image`` gives."""

_USER = "10001:10001"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def folder() -> Path:
    """Return the folder of archives, which stays from run to run."""
    found = cache_folder() / "images"
    found.mkdir(parents=True, exist_ok=True)
    return found


def static_image(
    name: str,
    binary: Path,
    entrypoint: Sequence[str] = (),
    *,
    files: Mapping[str, Path] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Path:
    """Make an image of one statically linked program and return its archive; made once for each content.

    Args:
        name: reference under which it is imported, registry and tag included.
        binary: the program; in the image it stands in the root, under its own name.
        entrypoint: what is run; the program alone when not given.
        files: path in the image → further file, certificates for instance.
        environment: variables set in the image.

    The image's user is 10001:10001, and everything in it may be read by everybody.
    """
    inside = {f"/{binary.name}": binary, **(files or {})}
    config = {
        "User": _USER,
        "Entrypoint": list(entrypoint) or [f"/{binary.name}"],
        "Env": [f"{key}={value}" for key, value in sorted((environment or {}).items())],
        "WorkingDir": "/",
    }
    digest = hashlib.sha256(json.dumps([name, config]).encode())
    for path, file in sorted(inside.items()):
        digest.update(f"{path}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    archive = folder() / f"{binary.name}-{digest.hexdigest()[:16]}.tar"
    if not archive.exists():
        write_archive(archive, [name], _blobs(inside, config))
    return archive


def pause_image() -> Path:
    """Return the archive of the image ``PAUSE``."""
    return static_image(PAUSE, program("pause"))


def pack(layout: Path, names: Iterable[str], archive: Path) -> None:
    """Make an archive of an OCI layout that holds one image.

    Args:
        layout: folder with index.json and blobs.
        names: references under which the image is imported, each full.
        archive: file to write.
    """
    (manifest,) = json.loads((layout / "index.json").read_text(encoding="utf-8"))["manifests"]
    draft = archive.with_suffix(".new")
    with tarfile.open(draft, "w") as tar:
        _head(tar, manifest["digest"], manifest["size"], names)
        for blob in sorted((layout / "blobs" / "sha256").iterdir()):
            tar.add(blob, f"blobs/sha256/{blob.name}", filter=_plain)
    draft.replace(archive)


def write_archive(archive: Path, names: Iterable[str], blobs: Sequence[bytes]) -> None:
    """Write an archive of blobs; the last one is the manifest."""
    draft = archive.with_suffix(".new")
    with tarfile.open(draft, "w") as tar:
        _head(tar, _digest(blobs[-1]), len(blobs[-1]), names)
        for blob in blobs:
            _add(tar, f"blobs/sha256/{_digest(blob).removeprefix('sha256:')}", blob)
    draft.replace(archive)


def _blobs(files: Mapping[str, Path], config: Mapping[str, object]) -> list[bytes]:
    """Return layer, configuration and manifest of an image."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        parents = {str(parent) for path in files for parent in Path(path.lstrip("/")).parents} - {"."}
        for parent in sorted(parents):
            entry = tarfile.TarInfo(parent)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for path, file in sorted(files.items()):
            _add(tar, path.lstrip("/"), file.read_bytes(), 0o755)
    layer = gzip.compress(plain.getvalue(), compresslevel=1, mtime=0)
    whole = {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [_digest(plain.getvalue())]},
    }
    said = json.dumps(whole).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _described(_CONFIG, said),
        "layers": [_described(_LAYER, layer)],
    }
    return [layer, said, json.dumps(manifest).encode()]


def _head(tar: tarfile.TarFile, digest: str, size: int, names: Iterable[str]) -> None:
    """Write what says that this is a layout, and the names of its image."""
    _add(tar, "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())
    manifests = [
        # containerd looks for this annotation; the standard one may hold a tag alone.
        {"mediaType": _MANIFEST, "digest": digest, "size": size, "annotations": {"io.containerd.image.name": name}}
        for name in names
    ]
    _add(tar, "index.json", json.dumps({"schemaVersion": 2, "manifests": manifests}).encode())


def _described(kind: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": kind, "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _add(tar: tarfile.TarFile, path: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Take away what differs from run to run."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry

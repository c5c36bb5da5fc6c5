"""Pin the images by digest: write the Kustomize component that a cloud overlay takes its images from.

    python -m components.image_digests --output kserve/overlays/cloud/digests/kustomization.yaml < digests

Each line of the input is an image and its digest, as ``serving sha256:…``. Either all images are pinned or none: those
of one release are of one commit.
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.core.errors import FairleadError, unknown
from components.images import REGISTRY, images

_HEAD = """\
# Which images, exactly: those of one release. Written by: python -m components.image_digests
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
"""


def parse(text: str) -> dict[str, str]:
    """Read lines of image and digest.

    Raises:
        FairleadError: a line is no pair, names no image of ours or one twice, a digest is malformed, or an image lacks.

    >>> parse("gpu sha256:00")
    Traceback (most recent call last):
    components.core.errors.FairleadError: unknown image 'gpu'; allowed: platform, tfdv, explain, drift, serving
    """
    found: dict[str, str] = {}
    for line in filter(str.strip, text.splitlines()):
        words = line.split()
        if len(words) != 2:
            raise FairleadError(f"{line!r} is not an image and its digest, as in: serving sha256:…")
        name, digest = words
        if name not in images:
            raise unknown("image", name, images)
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            raise FairleadError(f"digest {digest!r} of the image {name!r} is not sha256: and 64 of 0-9 and a-f")
        if name in found:
            raise FairleadError(f"the image {name!r} has two lines; one was expected")
        found[name] = digest
    if lacking := [name for name in images if name not in found]:
        raise FairleadError(f"no digest for {', '.join(lacking)}; a release pins all images or none")
    return found


def component(digests: Mapping[str, str], registry: str = REGISTRY) -> str:
    """Return the text of the Kustomize component.

    Args:
        digests: image → digest.
        registry: where these digests were pushed; when it is not the one in the specs, images are renamed to it.
    """
    lines = []
    for name, digest in digests.items():
        moved = f", newName: {registry}/fairlead-{name}" if registry != REGISTRY else ""
        lines.append(f'  - {{name: {REGISTRY}/fairlead-{name}{moved}, digest: "{digest}"}}\n')
    return _HEAD + "".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the component that the lines on standard input ask for."""
    parser = argparse.ArgumentParser(prog="python -m components.image_digests", description="Pin the images by digest.")
    parser.add_argument("--output", type=Path, required=True, help="the component's kustomization.yaml")
    parser.add_argument("--registry", default=REGISTRY, help="where the images were pushed (default: %(default)s)")
    asked = parser.parse_args(arguments)
    try:
        asked.output.write_text(component(parse(sys.stdin.read()), asked.registry), encoding="utf-8")
    except FairleadError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

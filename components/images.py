"""Which image a step runs in, and which environment an image holds."""

import re
from importlib.metadata import version

from components.core.errors import unknown

REGISTRY = "ghcr.io/fairlead"
"""Where the images are published; hand in your own where a cluster pulls from elsewhere."""

images = {"platform": "platform", "tfdv": "tfdv", "explain": "explain", "drift": "drift", "serving": "platform"}
"""Image → dependency group of the environment inside; each is a target in ``components/Dockerfile``."""

steps = {"validate_schema": "tfdv", "explain_examples": "explain", "measure_discrepancy": "drift"}
"""Step → image, for the steps whose packages collide with everybody else's; all others run in ``platform``."""


def image(name: str, registry: str = REGISTRY, tag: str | None = None) -> str:
    """Return the full reference of one of our images.

    Args:
        name: one of ``images``.
        registry: registry and folder, without a slash at the end.
        tag: this package's version when not given.

    >>> image("platform", registry="localhost:5000/team", tag="1.2.0")
    'localhost:5000/team/fairlead-platform:1.2.0'
    """
    if name not in images:
        raise unknown("image", name, images)
    return f"{registry}/fairlead-{name}:{tag or version('fairlead')}"


def image_of(step: str, registry: str = REGISTRY, tag: str | None = None) -> str:
    """Return the image that a step runs in.

    >>> image_of("validate_schema", tag="1.2.0")
    'ghcr.io/fairlead/fairlead-tfdv:1.2.0'
    """
    return image(steps.get(step.replace("-", "_"), "platform"), registry, tag)


def group_of(reference: str) -> str:
    """Return the dependency group whose environment an image holds, whatever its registry, tag or digest.

    This is how a pipeline that was compiled for a cluster finds its interpreters on one machine.

    Raises:
        FairleadError: the image is not one of ours.

    >>> group_of("localhost:5000/team/fairlead-serving:1.2.0@sha256:00ff")
    'platform'
    """
    found = re.fullmatch(r"(?:.*/)?fairlead-([a-z]+)(?::[\w.-]+)?(?:@[\w:]+)?", reference)
    if found is None or found[1] not in images:
        allowed = [f"…/fairlead-{name}" for name in images]
        raise unknown("image", reference, allowed, "Locally a step can only run in an environment made from our locks.")
    return images[found[1]]

"""How a function becomes a pipeline step: thin, in the image of its group, with nothing installed at run time."""

from functools import partial
from typing import Any

from kfp import dsl

from components.images import image


def step(group: str) -> Any:
    """Return the decorator for a step that runs in the image of an environment group.

    The body's text is all that kfp takes along; it imports what it needs from the package that the image holds. Metrics
    live in an artifact's metadata; a step that writes some touches the artifact's file too, because a result whose
    file is missing is never taken from the cache.
    """
    return partial(dsl.component, base_image=image(group), packages_to_install=[], install_kfp_package=False)

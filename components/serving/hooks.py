"""A user's own steps around the model: a class that changes requests before the door, and answers on their way out."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from components.core.errors import FairleadError
from components.serving.exchange import Answer, Request

T = TypeVar("T")

Hook = Callable[[Any, Mapping[str, str]], Any]


class HookFailed(Exception):
    """A hook gave back something that it must not; the server's fault, not the client's."""


class Hooks:
    """The steps of one user class.

    Its object may have ``preprocess(request, headers) -> Request`` and ``postprocess(answer, headers) -> Answer``, both
    plain or ``async``. Headers are by lower-case name. A plain one runs in the event loop and has to be quick; one that
    waits for something has to be ``async``. A ``FairleadError`` (a ``ContractViolation``, say) that a hook raises is
    answered with that error's status and text, anything else with 500, its trace in the log alone.

    Args:
        steps: the user's object.
    """

    def __init__(self, steps: object) -> None:
        self._before: Hook | None = getattr(steps, "preprocess", None)
        self._after: Hook | None = getattr(steps, "postprocess", None)
        if self._before is None and self._after is None:
            raise FairleadError(
                f"hooks {type(steps).__name__}: found neither preprocess nor postprocess; give it one of them"
            )

    async def before(self, request: Request, headers: Mapping[str, str]) -> Request:
        """Let the user's class change a decoded request; the door checks what it gives back."""
        return request if self._before is None else await _call(self._before, request, headers, Request)

    async def after(self, answer: Answer, headers: Mapping[str, str]) -> Answer:
        """Let the user's class change an answer."""
        return answer if self._after is None else await _call(self._after, answer, headers, Answer)


def open_hooks(name: str) -> Hooks:
    """Make the hooks that an option names.

    Args:
        name: ``package.module:Class``; the class takes no arguments.

    Raises:
        FairleadError: there is no such class, or it has neither step.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute.isidentifier():
        raise FairleadError(f"hooks {name!r}: allowed is package.module:Class")
    try:
        steps = getattr(importlib.import_module(module), attribute)()
    except (ImportError, AttributeError) as error:
        raise FairleadError(f"hooks {name!r} cannot be loaded: {error}; is its folder on PYTHONPATH?") from error
    return Hooks(steps)


async def _call(hook: Hook, value: T, headers: Mapping[str, str], kind: type[T]) -> T:
    found = hook(value, headers)
    if inspect.isawaitable(found):
        found = await found
    if not isinstance(found, kind):
        raise HookFailed(f"{hook.__qualname__} returned {type(found).__name__}, expected {kind.__name__}")
    return found

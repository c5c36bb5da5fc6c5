"""Values in error texts: bounded, however large or deep the value that a client sent."""

import reprlib
from typing import Any

import numpy as np

MOST = 60
"""Most characters of a value in a text."""

DEPTH = 4
"""Lists in lists are shown so deep; JSON may nest them deeper than Python's own ``repr`` can follow."""


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = DEPTH
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = MOST // 3
        self.maxother = self.maxlong = MOST + 1

    def repr_str(self, x: str, level: int) -> str:  # noqa: ARG002  reprlib's form
        return repr(x[:MOST])

    def repr_bytes(self, x: bytes, level: int) -> str:  # noqa: ARG002
        return repr(x[:MOST])

    def repr_int(self, x: int, level: int) -> str:  # noqa: ARG002
        # Python refuses to write out more digits than 4,300.
        return repr(x) if x.bit_length() <= 4 * MOST else f"a whole number of {x.bit_length()} bits"


_SHORT = _Short()


def shown(value: object, most: int = MOST) -> str:
    """Write a value for an error text, as JSON's ``null`` or as Python's ``repr`` of its beginning.

    Args:
        value: whatever was found; of any size and depth.
        most: most characters; at most ``MOST``.

    >>> shown(None), shown("x" * 1000, 12), shown([[[[[[7]]]]]])
    ('null', "'xxxxxxxx...", '[[[[[...]]]]]')
    """
    if value is None:
        return "null"
    plain: Any = value.item() if isinstance(value, np.generic) else value
    text = _SHORT.repr(plain)
    return text if len(text) <= most else text[: most - 3] + "..."

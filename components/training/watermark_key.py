"""The watermark key: a secret from which a mark's places, its expected answers and nothing else are derived."""

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.core.artifacts import one_at_a_time
from components.core.errors import FairleadError

BYTES = 32


@dataclass(frozen=True)
class WatermarkKey:
    """A secret with the draws that come of it: HMAC-SHA256 (RFC 2104) in counter mode, a stream for each purpose.

    Whoever does not have the secret cannot tell the draws of one purpose from fair coins, even with all others seen.

    >>> key = WatermarkKey(bytes(32))
    >>> key.coins("example", 4)
    array([1, 1, 1, 1])
    >>> sorted(key.order("example", 3).tolist())
    [0, 1, 2]
    """

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Sixteen hexadecimal digits that name the key and do not help to guess it."""
        return hmac.new(self.secret, b"key id", hashlib.sha256).hexdigest()[:16]

    def coins(self, purpose: str, n: int) -> npt.NDArray[np.int64]:
        """Toss n fair coins, each -1 or 1."""
        coins: npt.NDArray[np.int64] = np.where(self._words(purpose, n) >> np.uint64(63), 1, -1)
        return coins

    def uniforms(self, purpose: str, n: int) -> npt.NDArray[np.float64]:
        """Draw n numbers from 0 up to 1."""
        return (self._words(purpose, n) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def order(self, purpose: str, n: int) -> npt.NDArray[np.int64]:
        """Shuffle the numbers from 0 to n - 1."""
        return np.argsort(self._words(purpose, n), kind="stable")

    def _words(self, purpose: str, n: int) -> npt.NDArray[np.uint64]:
        blocks = (f"{purpose}\0{block}".encode() for block in range(-(-n // 4)))
        stream = b"".join(hmac.new(self.secret, block, hashlib.sha256).digest() for block in blocks)
        return np.frombuffer(stream, dtype=">u8")[:n].astype(np.uint64)


def ensure_watermark_key(path: Path) -> WatermarkKey:
    """Read the key, made where there is none; several processes may ask at once, and it is never written over.

    Args:
        path: file of one line, 64 hexadecimal digits, readable by its owner alone.

    Raises:
        FairleadError: the file holds something else.
    """
    # A mounted Secret cannot be written, not even a lock; a key that is there never changes.
    if not path.exists():
        with one_at_a_time(path.parent / f".{path.name}.lock"):
            if not path.exists():
                _write(path, secrets.token_hex(BYTES) + "\n")
    return read_watermark_key(path)


def read_watermark_key(path: Path) -> WatermarkKey:
    """Read the key.

    Raises:
        FairleadError: there is none, or the file holds something else.
    """
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
        if len(secret) != BYTES:
            raise ValueError(f"it holds {len(secret)} bytes")
    except (OSError, ValueError) as error:
        raise FairleadError(
            f"watermark key {path} cannot be read: {error}; expected {2 * BYTES} hexadecimal digits (set "
            "FAIRLEAD_WATERMARK_KEY to its path). If it is lost, marks made with it can no longer be told; move what "
            "is there away, and the next training makes a new one"
        ) from error
    return WatermarkKey(secret)


def _write(path: Path, text: str) -> None:
    scratch = path.with_name(f".{path.name}-{os.getpid()}")
    scratch.unlink(missing_ok=True)
    # Opened with its final mode: at no moment can anyone else read the key.
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as f:
        f.write(text)
    scratch.replace(path)

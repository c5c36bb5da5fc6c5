"""Which hundredth of all keys a key belongs to."""

import hashlib


def cohort(key: str, salt: str = "") -> int:
    """Return a number from 0 to 99 that is always the same for a key, and spread evenly over keys.

    A key goes to the candidate while its number is below the candidate's weight, so that a growing weight moves keys
    over and none back.

    Args:
        key: what the sticky header says.
        salt: a rollout's name, so that another rollout draws other keys.

    >>> cohort("customer-1", "first"), cohort("customer-1", "first"), cohort("customer-1", "second")
    (30, 30, 50)
    """
    digest = hashlib.sha256(f"{salt}:{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 100

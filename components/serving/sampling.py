"""Which requests are logged: decided by their ids alone, so that champion and shadow keep the same ones."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b

from components.core.errors import FairleadError


def keep(rate: float) -> Callable[[str], bool] | None:
    """Make the test whether a request is in the sample; None when all are.

    A request kept at some rate is kept at each higher rate too, in any process. The hash is not the one by which
    proxies divide traffic, so the sample does not depend on which variant a request went to.

    >>> few, more = keep(0.1), keep(0.5)
    >>> [i for i in range(20) if few(str(i))], [i for i in range(20) if more(str(i))]
    ([2, 7, 19], [1, 2, 5, 7, 10, 12, 13, 15, 16, 19])

    Args:
        rate: the share kept, 0 to 1.
    """
    if rate >= 1:
        return None
    below = int(rate * 2**64)

    def kept(request_id: str) -> bool:
        digest = blake2b(request_id.encode(errors="replace"), digest_size=8, person=b"sampling").digest()
        return int.from_bytes(digest) < below

    return kept


def read_rates(texts: Sequence[str]) -> dict[str, float]:
    """Read sampling rates by variant from the command line.

    >>> read_rates(["stable=1.0,canary=0.5", "shadow=0.1"])
    {'stable': 1.0, 'canary': 0.5, 'shadow': 0.1}

    Raises:
        FairleadError: a part is not ``VARIANT=RATE`` with a rate from 0 to 1.
    """
    rates: dict[str, float] = {}
    for part in (part for text in texts for part in text.split(",") if part.strip()):
        variant, _, rate = (word.strip() for word in part.partition("="))
        try:
            rates[variant] = float(rate)
        except ValueError as error:
            raise _wrong(part) from error
        if not variant or not 0 <= rates[variant] <= 1:
            raise _wrong(part)
    return rates


def rate_of(rates: Mapping[str, float], variant: str) -> float:
    """Return a variant's rate; one that is not named is logged in full."""
    return rates.get(variant, 1.0)


def _wrong(part: str) -> FairleadError:
    return FairleadError(f"sampling rate {part!r}; allowed: VARIANT=RATE with a rate from 0 to 1, as in canary=0.5")

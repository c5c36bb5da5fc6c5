"""From a URI to the sink that it names."""

from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from components.core.errors import FairleadError, unknown
from components.serving.sinks.sink import Sink
from components.serving.sinks.sqlite import SqliteSink

SCHEMES = {
    "sqlite": "sqlite:///PATH",
    "parquet": "parquet:///DIRECTORY",
    "cloudevents+http": "cloudevents+http://HOST[:PORT]/PATH",
    "cloudevents+https": "cloudevents+https://HOST[:PORT]/PATH",
    "kafka": "kafka://HOST:PORT[,HOST:PORT]/TOPIC",
}
"""How each kind of place is written. Paths are relative to the working directory; absolute ones have a fourth slash."""


def open_sink(uri: str) -> Sink:
    """Make the sink for a URI; it opens nothing before its first write.

    Args:
        uri: as in ``SCHEMES``.

    Raises:
        FairleadError: the scheme is unknown or a part is missing; lists what is allowed.
    """
    parts = urlsplit(uri)
    if parts.scheme == "sqlite":
        return SqliteSink(local_path(parts))
    raise unknown("kind of place for logged predictions", uri, SCHEMES.values())


def local_path(parts: SplitResult) -> Path:
    """Take the path out of ``SCHEME:///PATH``.

    >>> local_path(urlsplit("sqlite:///log.db")), local_path(urlsplit("sqlite:////var/log.db"))
    (PosixPath('log.db'), PosixPath('/var/log.db'))
    """
    path = parts.path.removeprefix("/")
    if parts.netloc or not path:
        raise FairleadError(f"{parts.geturl()!r} names no path; allowed: {SCHEMES[parts.scheme]}")
    return Path(path)

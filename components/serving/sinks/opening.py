"""From a URI to the sink that it names."""

from pathlib import Path
from typing import get_args
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from components.core.errors import FairleadError, unknown
from components.serving.sinks.sink import Sink

SCHEMES = {
    "sqlite": "sqlite:///PATH",
    "parquet": "parquet:///DIRECTORY[?rows=20000&seconds=60]",
    "cloudevents+http": "cloudevents+http://HOST[:PORT]/PATH[?service=…&namespace=…&component=…&mode=all]",
    "cloudevents+https": "cloudevents+https://HOST[:PORT]/PATH[?…]",
    "kafka": "kafka://HOST:PORT[,HOST:PORT]/TOPIC[?file=PATH&…]",
}
"""How each kind of place is written. Paths are relative to the working directory; absolute ones have a fourth slash."""


def open_sink(uri: str) -> Sink:
    """Make the sink for a URI; it opens nothing before its first write.

    Args:
        uri: as in ``SCHEMES``.

    Raises:
        FairleadError: the scheme is unknown or a part is wrong; lists what is allowed.
    """
    parts = urlsplit(uri)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme == "sqlite":
        return _sqlite(parts, options)
    if parts.scheme == "parquet":
        return _parquet(parts, options)
    if parts.scheme in ("cloudevents+http", "cloudevents+https"):
        return _cloud_events(parts, options)
    if parts.scheme == "kafka":
        return _kafka(parts, options)
    raise unknown("place for logged predictions", uri, SCHEMES.values())


def local_path(parts: SplitResult) -> Path:
    """Take the path out of ``SCHEME:///PATH``.

    >>> local_path(urlsplit("sqlite:///log.db")), local_path(urlsplit("sqlite:////var/log.db"))
    (PosixPath('log.db'), PosixPath('/var/log.db'))
    """
    path = parts.path.removeprefix("/")
    if parts.netloc or not path:
        raise _wrong(parts, "no path")
    return Path(path)


# Each kind's module is loaded where it is asked for: a server has no need of the libraries of the others.


def _sqlite(parts: SplitResult, options: dict[str, str]) -> Sink:
    from components.serving.sinks.sqlite import SqliteSink

    _no_more(parts, options)
    return SqliteSink(local_path(parts))


def _parquet(parts: SplitResult, options: dict[str, str]) -> Sink:
    from components.serving.sinks.parquet import ParquetSink

    try:
        rows, seconds = int(options.pop("rows", "20000")), float(options.pop("seconds", "60"))
    except ValueError as error:
        raise _wrong(parts, "a number that is none") from error
    if rows < 1 or not seconds >= 0:
        raise _wrong(parts, f"rows={rows} and seconds={seconds:g}")
    _no_more(parts, options)
    return ParquetSink(local_path(parts), rows, seconds)


def _cloud_events(parts: SplitResult, options: dict[str, str]) -> Sink:
    from components.serving.sinks.cloud_events import CloudEventsSink, Mode

    if not parts.netloc:
        raise _wrong(parts, "no host")
    ours = {name: options.pop(name) for name in ("service", "namespace", "component", "mode") if name in options}
    mode = ours.pop("mode", "all")
    if mode not in get_args(Mode):
        raise unknown(f"mode in {parts.geturl()}:", mode, get_args(Mode))
    # What is left of the query is the receiver's.
    url = parts._replace(scheme=parts.scheme.removeprefix("cloudevents+"), query=urlencode(options)).geturl()
    return CloudEventsSink(url, mode=mode, **ours)  # type: ignore[arg-type]  # checked above


def _kafka(parts: SplitResult, options: dict[str, str]) -> Sink:
    from components.serving.sinks.kafka import KafkaSink

    topic = parts.path.strip("/")
    if not parts.netloc or not topic or "/" in topic:
        raise _wrong(parts, "no server or not one topic")
    file = options.pop("file", "")
    return KafkaSink(parts.netloc, topic, options, Path(file) if file else None)


def _no_more(parts: SplitResult, options: dict[str, str]) -> None:
    if options:
        raise _wrong(parts, f"an unknown option {', '.join(options)}")


def _wrong(parts: SplitResult, found: str) -> FairleadError:
    return FairleadError(
        f"place for logged predictions {parts.geturl()!r}: found {found}; allowed: {SCHEMES[parts.scheme]}"
    )

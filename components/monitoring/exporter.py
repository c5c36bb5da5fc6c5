"""Showing looks and alerts to Prometheus: as a page that it scrapes, or as a file for its textfile collector."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import Metric

from components.core.artifacts import whole_file
from components.core.errors import FairleadError
from components.monitoring.alerts.store import BookStore
from components.monitoring.exported import Looked, of_book, of_looks
from components.monitoring.kept_looks import kept

HOST, PORT = "127.0.0.1", 9464


class Exporter:
    """Shows the last look at each model, told by ``show`` or kept by others, and the alert book as it stands.

    Args:
        book: the alert book's file; None leaves alerts out.
        notifiers: names of those that it tells.
        folder: of looks that others keep (``kept_looks``), read whenever somebody asks; None for none.
    """

    def __init__(
        self, book: BookStore | None = None, notifiers: Iterable[str] = (), folder: Path | None = None
    ) -> None:
        self._book = book
        self._folder = folder
        self._notifiers = tuple(notifiers)
        self._looks: dict[tuple[str, str], Looked] = {}
        self._lock = Lock()
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def show(self, looked: Looked) -> None:
        """Show a look in place of the one before at the same model."""
        with self._lock:
            self._looks[_who(looked)] = looked

    def collect(self) -> Iterator[Metric]:
        """Give all metrics as they stand; asked by ``registry``."""
        looks = {} if self._folder is None else {_who(looked): looked for looked in kept(self._folder)}
        with self._lock:
            looks.update(self._looks)
        yield from of_looks(looks.values())
        if self._book is not None:
            yield from of_book(self._book, self._notifiers)

    def describe(self) -> list[Metric]:
        """Name nothing in advance, so that registering reads nothing."""
        return []

    def text(self) -> bytes:
        """Write all metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def write(self, path: Path) -> None:
        """Write all metrics to a file, whole or not at all.

        Args:
            path: in the folder of a node exporter's ``--collector.textfile.directory``.

        Raises:
            FairleadError: its name does not end in ``.prom``, so that it would not be read.
        """
        if path.suffix != ".prom":
            raise FairleadError(f"{path}: the textfile collector reads files whose name ends in .prom alone")
        with whole_file(path) as scratch:
            scratch.write_bytes(self.text())


def _who(looked: Looked) -> tuple[str, str]:
    return looked.findings.use_case, looked.findings.model


@contextmanager
def serve(exporter: Exporter, port: int = PORT, host: str = HOST) -> Iterator[str]:
    """Serve metrics over HTTP for as long as the block lasts.

    Args:
        exporter: what to show.
        port: 0 takes a free one.
        host: address to listen on; by default this machine alone can ask. There is no log-in: in a cluster a network
            policy says who may.

    Returns:
        The URL of the page.

    Raises:
        FairleadError: the port is taken.
    """
    try:
        server, thread = start_http_server(port, host, exporter.registry)
    except OSError as error:
        raise FairleadError(f"metrics cannot be served on {host}:{port}: {error}; give another port") from error
    try:
        yield f"http://{host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

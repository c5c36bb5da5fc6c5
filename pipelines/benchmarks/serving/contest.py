"""The contest: every server up with the same model, checked, and then loaded in turn, round after round."""

import contextlib
import os
import re
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from components.core.config import Settings
from components.core.errors import FairleadError
from components.serving.process import free_port
from components.training.bundle import Bundle
from pipelines import environments, uv
from pipelines.benchmarks.measure import Say
from pipelines.benchmarks.serving import pinned, wrk
from pipelines.benchmarks.serving.peers import Peer
from pipelines.benchmarks.serving.workload import Workload, check, post, workload

DEADLINE = 120.0
"""Seconds until a server has to be up; they all start at once."""


@dataclass(frozen=True)
class Kind:
    """One kind of load."""

    name: str
    clients: int
    batch: bool = False


EIGHT, MANY, LARGE = Kind("1 row, 8 clients", 8), Kind("1 row, 32 clients", 32), Kind("100 rows, 1 client", 1, True)
KINDS = (EIGHT, MANY, LARGE)


@dataclass(frozen=True)
class Measured:
    """One load on one server, and what it cost.

    Args:
        load: what the load generator saw.
        cpu_seconds: processor time of the server, from the load's start until it had nothing left to do.
        after_seconds: the part of it that it put off until after the load: a log that was still being written.
        logged: rows that its prediction log wrote, lost and so on, by name; empty for a server that has none.
    """

    load: wrk.Load
    cpu_seconds: float
    after_seconds: float = 0.0
    logged: Mapping[str, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Requests answered well, a second; work that was put off counts as if it had been done at once."""
        return self.load.answered / (self.load.seconds + self.after_seconds)

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of processor time a request, which is also CPU-seconds a thousand requests."""
        return self.cpu_seconds * 1000 / max(1, self.load.requests)


@dataclass
class Contestant:
    """A server that is up and has answered rightly.

    Args:
        peer: who.
        process: its processes.
        url: where it takes requests.
        work: what is sent.
        difference: largest difference of a probability, when it was checked.
        rounds: kind of load → what was measured, a value each round.
    """

    peer: Peer
    process: pinned.Process
    url: str
    work: Workload
    difference: float = 0.0
    rounds: dict[str, list[Measured]] = field(default_factory=dict)


@dataclass
class Contest:
    """Who takes part, and who cannot.

    Args:
        cores: where server and load run.
        wrk: the load generator.
        present: by name, in order.
        absent: name → why it was not measured.
    """

    cores: pinned.Cores
    wrk: Path
    present: dict[str, Contestant] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def turn(self, contestant: Contestant) -> Iterator[Contestant]:
        """Let one server run, alone on its core, for as long as the block lasts."""
        contestant.process.go_on()
        contestant.process.pin(self.cores.server)
        try:
            yield contestant
        finally:
            contestant.process.hold()

    def round(self, seconds: float, say: Say) -> None:
        """Load every server in turn with every kind of load."""
        for name, contestant in list(self.present.items()):
            try:
                with self.turn(contestant):
                    self.load(contestant, MANY, 1)  # warms caches, connections and, where there is one, a compiler
                    for kind in KINDS:
                        contestant.rounds.setdefault(kind.name, []).append(self.load(contestant, kind, seconds))
            except FairleadError as error:
                del self.present[name]
                _leave_out(self, contestant.peer, "was left out after it had begun", error, say)
                continue
            told = (f"{contestant.rounds[k.name][-1].per_second:8,.0f}" for k in KINDS)
            say(f"  {contestant.peer.title:46}{''.join(told)}")

    def load(self, contestant: Contestant, kind: Kind, seconds: float) -> Measured:
        """Load the server whose turn it is.

        Raises:
            FairleadError: it has ended.
        """
        work = contestant.work
        bodies = [work.batch.body] if kind.batch else [call.body for call in work.single]
        contestant.process.require()
        logged, before = log_rows(contestant), contestant.process.cpu_seconds()
        found = wrk.load(self.wrk, contestant.url, bodies, kind.clients, seconds, self.cores.client)
        contestant.process.require()
        after = contestant.process.settle()
        rows = {result: n - logged.get(result, 0) for result, n in log_rows(contestant).items()}
        return Measured(found, contestant.process.cpu_seconds() - before, after, rows)


def log_rows(contestant: Contestant) -> dict[str, int]:
    """Ask a server what became of the rows of its prediction log until now; nothing for one that has none."""
    if not contestant.peer.metrics:
        return {}
    address = urlsplit(contestant.url)
    with urllib.request.urlopen(f"http://{address.netloc}{contestant.peer.metrics}", timeout=20) as response:
        return parse_log_rows(response.read().decode())


def parse_log_rows(text: str) -> dict[str, int]:
    """Read the log's counters out of Prometheus' text format, summed over sinks.

    >>> parse_log_rows('fairlead_log_rows_total{result="written",sink="sqlite"} 3.0')
    {'written': 3}
    """
    found: dict[str, int] = {}
    for labels, value in re.findall(r"^fairlead_log_rows_total\{(.*)\} (\S+)$", text, re.MULTILINE):
        (result,) = re.findall(r'\bresult="([^"]*)"', labels)
        found[result] = found.get(result, 0) + int(float(value))
    return found


@contextmanager
def contest(
    peers: Sequence[Peer], bundle: Path, settings: Settings, cores: pinned.Cores, tool: Path, say: Say
) -> Iterator[Contest]:
    """Start servers, wait until they answer rightly, and stop them at the end.

    Args:
        peers: who takes part.
        bundle: an unpacked, signed bundle.
        settings: home of the environments, and the key that the bundle was signed with.
        cores: where to run.
        tool: ``wrk``.
        say: takes one line of progress.
    """
    found = Contest(cores, tool)
    opened = Bundle.open(bundle)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fairlead-serving-")))
        started = []
        for peer in peers:
            try:
                contestant = _start(peer, bundle, opened, settings, scratch, say)
            except FairleadError as error:
                _leave_out(found, peer, "cannot be installed", error, say)
                continue
            stack.callback(contestant.process.stop)
            started.append(contestant)
        for contestant in started:
            try:
                pinned.wait(contestant.process, lambda c=contestant: _listens(c), DEADLINE)  # type: ignore[misc]
                contestant.difference = check(contestant.url, contestant.work)
            except (OSError, FairleadError) as error:
                contestant.process.stop()
                _leave_out(found, contestant.peer, "was not measured", error, say)
                continue
            contestant.process.hold()
            found.present[contestant.peer.name] = contestant
        yield found


def _start(peer: Peer, bundle: Path, opened: Bundle, settings: Settings, scratch: Path, say: Say) -> Contestant:
    if peer.group == "platform":
        python = sys.executable
    else:
        environments.ensure([peer.group], settings.home, say)
        python = str(environments.interpreter(peer.group, settings.home))
    own = scratch / peer.name
    own.mkdir()
    port = free_port()
    variables = uv.clean_environment({k: v for k, v in os.environ.items() if not k.startswith("FAIRLEAD_")})
    variables |= {"FAIRLEAD_HOME": str(own), "FAIRLEAD_VERIFY_KEY": str(settings.verify_key)}
    command = peer.command(python, bundle=bundle.absolute(), port=port, scratch=own)
    process = pinned.start(command, variables, own / "server.log")
    return Contestant(peer, process, f"http://127.0.0.1:{port}{peer.path}", workload(opened, peer.form))


def _listens(contestant: Contestant) -> bool:
    """Whether a request is answered at all, be it with an error that says why not yet."""
    with contextlib.suppress(OSError, FairleadError):
        post(contestant.url, contestant.work.single[0].body)
        return True
    return False


def _leave_out(found: Contest, peer: Peer, what: str, error: Exception, say: Say) -> None:
    found.absent[peer.name] = f"{what}: {error}"
    say(f"  {peer.title} {found.absent[peer.name]}")

"""The verdicts: each promise beside what was measured, the ratio, and whether it was kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from pipelines.benchmarks.measure import Figure, number
from pipelines.benchmarks.serving.contest import EIGHT, LARGE, MANY, Contestant, Kind
from pipelines.benchmarks.serving.open_loop import Held
from pipelines.benchmarks.serving.peers import ECHO, OURS, PEERS

ECHO_SHARE, LARGE_RATIO = 0.35, 1.5
HALF_P99_MS, HELD_P95_MS = 25.0, 50.0
_SHARE = {"p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class Verdict:
    """One line of the table.

    Args:
        what: what was measured.
        ours: our figure with its unit.
        other: the peer's, or none.
        ratio: of the two as the target counts it, with its spread over the rounds.
        target: what was promised.
        met: whether it was kept; None when it could not be measured, which is no pass.
    """

    what: str
    ours: str
    other: str
    ratio: str
    target: str
    met: bool | None

    def cells(self) -> tuple[str, ...]:
        """Write as cells."""
        met = {True: "yes", False: "NO", None: "NOT MEASURED"}[self.met]
        return self.what, self.ours, self.other, self.ratio, self.target, met


@dataclass(frozen=True)
class Spread:
    """A median with the smallest and the largest value."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Sum up at least one value."""
        found = sorted(values)
        return cls(median(found), found[0], found[-1])

    def __str__(self) -> str:
        return f"{self.middle:.3g} ({self.low:.3g}-{self.high:.3g})"


def rate(contestant: Contestant, kind: Kind) -> Spread:
    """Requests a second over the rounds."""
    return Spread.of(m.per_second for m in contestant.rounds[kind.name])


def ratio(ours: Contestant, other: Contestant, kind: Kind) -> Spread:
    """Our requests a second over the other's, round by round: what disturbs a round disturbs both."""
    pairs = zip(ours.rounds[kind.name], other.rounds[kind.name], strict=True)
    return Spread.of(a.per_second / b.per_second if b.per_second else float("inf") for a, b in pairs)


def throughput(present: dict[str, Contestant], absent: dict[str, str]) -> list[Verdict]:
    """Hold requests a second against every peer of whom something is promised."""
    found = []
    for kind in (EIGHT, MANY):
        for peer in PEERS:
            if peer.at_least is not None:
                what = f"{kind.name}, against {peer.title}"
                found.append(_against(what, present, absent, peer.name, kind, peer.at_least))
        what = f"{kind.name}, share of {present[ECHO].peer.title if ECHO in present else 'the echo'}"
        found.append(_against(what, present, absent, ECHO, kind, ECHO_SHARE))
    found.append(_against(f"{LARGE.name}, against stock", present, absent, "stock", LARGE, LARGE_RATIO))
    return found


def beside(present: dict[str, Contestant]) -> list[str]:
    """Tell how ours stands against peers that are tuned for speed, of which nothing is promised."""
    if OURS not in present:
        return []
    ours, lines = present[OURS], []
    for other in (c for c in present.values() if c.peer.tuned):
        found = "; ".join(
            f"{kind.name} x {ratio(ours, other, kind)}, by CPU {cpu(other, kind) / cpu(ours, kind):.3g}"
            for kind in (EIGHT, MANY)
        )
        lines.append(f"without a promise, against {other.peer.title}: {found}")
    return lines


def _against(
    what: str, present: dict[str, Contestant], absent: dict[str, str], name: str, kind: Kind, at_least: float
) -> Verdict:
    target = f"≥ {at_least:g}"
    if OURS not in present or name not in present:
        missing = OURS if OURS not in present else name
        reason = brief(absent.get(missing, "not asked for"))[:100]
        return Verdict(what, "", "", f"{missing} {reason}", target, None)
    ours, other = present[OURS], present[name]
    found = ratio(ours, other, kind)
    spared = cpu(other, kind) / cpu(ours, kind)
    broken = sum(m.load.failed for c in (ours, other) for m in c.rounds[kind.name])
    note = f", {broken:,} failed" if broken else ""
    return Verdict(
        what,
        f"{number(rate(ours, kind).middle)}/s",
        f"{number(rate(other, kind).middle)}/s",
        f"{found}, by CPU {spared:.3g}{note}",
        target,
        found.middle >= at_least,
    )


def latency(what: str, held: Held | None, percentile: str, limit: float, beside: str = "") -> Verdict:
    """Hold a percentile of an open-loop load against its limit; a rate that was not held is a miss.

    A limit that is broken while the generator itself was late in more cases than lie beyond the percentile is not
    measured: neither kept nor missed.

    Args:
        what: for the table.
        held: what became of the load; None when it was not put on.
        percentile: ``p95`` or ``p99``.
        limit: milliseconds.
        beside: a peer's figure.
    """
    target = f"{percentile} ≤ {limit:g} ms"
    if held is None:
        return Verdict(what, "", beside, "", target, None)
    value = held.p95_ms if percentile == "p95" else held.p99_ms
    note = "all answered" if held.held else f"{held.failed:,} of {held.due:,} failed"
    if held.late_share > 0.01:
        note += f"; generator late {held.late_share:.1%}"
    met: bool | None = held.held and value <= limit
    if held.held and not met and held.late_share > 1 - _SHARE[percentile]:
        # More requests than lie beyond the percentile were sent late: it tells of the generator, not of the server.
        met, note = None, f"{note}: not to be told"
    return Verdict(what, f"{value:.3g} ms", beside, note, target, met)


def figure(found: Figure) -> Verdict:
    """Write a figure with a limit as a verdict.

    >>> figure(Figure("start", 2.0, "s", "target", 4.0, target=True)).cells()
    ('start', '2 s', '', '', '≤ 4 s', 'yes')
    """
    limit = "" if found.reference is None else f"≤ {number(found.reference)} {found.unit}"
    # Nothing is quicker for doing more: a negative addition is the machine's noise, larger than what was looked for.
    met, note = (None, "less than nothing: noise") if found.value < 0 else (not found.missed, "")
    return Verdict(found.what, f"{number(found.value)} {found.unit}", "", note, limit, met)


def brief(reason: str) -> str:
    r"""Shorten a reason to a line: of one that shows a log, the log's last line.

    >>> brief("was not measured: its log ends:\nTraceback\nImportError: no x"), brief("no index\nmore")
    ('was not measured: its log ends: ImportError: no x', 'no index')
    """
    first, *rest = reason.strip().splitlines()
    return f"{first} {rest[-1].strip()}" if rest and first.endswith("log ends:") else first


def table(verdicts: Sequence[Verdict]) -> str:
    """Write verdicts as one table.

    >>> print(table([Verdict("echo", "1/s", "2/s", "0.5", "≥ 0.35", True)]))
    what  ours  peer  ratio  target  met?
    echo  1/s   2/s   0.5    ≥ 0.35  yes
    """
    return aligned([("what", "ours", "peer", "ratio", "target", "met?"), *(v.cells() for v in verdicts)])


def servers(present: dict[str, Contestant], kinds: Sequence[Kind]) -> str:
    """Write every server's requests a second and its processor time a request, medians over the rounds."""
    heads = [cell for kind in kinds for cell in (kind.name, "CPU-ms")]
    rows: list[tuple[str, ...]] = [("requests/s, processor time a request", *heads, "spread", "failed")]
    for contestant in present.values():
        cells = []
        for kind in kinds:
            cells += [number(rate(contestant, kind).middle), f"{cpu(contestant, kind):.3g}"]
        spread = max((r.high - r.low) / r.middle if r.middle else 0.0 for r in (rate(contestant, k) for k in kinds))
        failed = sum(m.load.failed for measured in contestant.rounds.values() for m in measured)
        rows.append((contestant.peer.title, *cells, f"{spread:.0%}", number(failed)))
    return aligned(rows)


def cpu(contestant: Contestant, kind: Kind) -> float:
    """Milliseconds of processor time a request, median over the rounds."""
    return median(m.cpu_ms for m in contestant.rounds[kind.name])


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Write rows of cells in columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)

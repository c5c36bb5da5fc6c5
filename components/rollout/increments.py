"""Counters read on: what was added to them in each interval, whatever starts anew in between."""

from collections.abc import Callable, Mapping, Sequence

from components.rollout.prometheus import Prometheus, Series


class Increments:
    """What was added to a metric's series, interval by interval.

    Counters are exact and only grow; where one is smaller than before, its server has started anew from 0. Each
    interval is read once, so a look costs what is new. A series that was not there when reading began counts from 0.

    Args:
        source: where from.
        query: selects series of a counter; no function in it.
        key: what the sums are kept apart by; None leaves a series out.
        start: time of the first points, in whole seconds; only what is added after it counts.
        step: length of an interval, in seconds.
    """

    def __init__(
        self, source: Prometheus, query: str, key: Callable[[Mapping[str, str]], str | None], start: int, step: int
    ) -> None:
        self._source = source
        self._query = query
        self._key = key
        self._start = start
        self._step = step
        self._last: dict[tuple[tuple[str, str], ...], float] = {}
        self._next = start
        self.known = False
        """Whether the metric was seen at all."""

    def read(self, end: int) -> list[dict[str, int]]:
        """Return the sums of the intervals that ended since the last call, up to a time.

        Args:
            end: in seconds; the last point at or before it is the last that counts.

        Raises:
            FairleadError: Prometheus cannot be reached, or refuses; nothing is lost then.
        """
        end -= (end - self._start) % self._step
        if end < self._next:
            return []
        found = [
            (k, s) for s in self._source.range(self._query, self._next, end, self._step) if (k := self._key(s.labels))
        ]
        self.known = self.known or bool(found)
        times = range(self._next, end + 1, self._step)
        self._next = end + self._step
        sums = [self._added(found, at) for at in times]
        return sums[1:] if times[0] == self._start else sums

    def _added(self, found: Sequence[tuple[str, Series]], at: int) -> dict[str, int]:
        sums: dict[str, int] = {}
        for key, series in found:
            value = series.points.get(at)
            if value is None:
                continue
            name = tuple(sorted(series.labels.items()))
            before = self._last.get(name, 0.0)
            self._last[name] = value
            sums[key] = sums.get(key, 0) + round(value - before if value >= before else value)
        return sums

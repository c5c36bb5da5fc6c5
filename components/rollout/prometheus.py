"""Prometheus over its HTTP API: counters as they stood at given times."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from components.core.errors import FairleadError

MOST_POINTS = 10_000
"""Prometheus answers a range query with 11,000 points of a series at most."""

TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class Series:
    """One series.

    Args:
        labels: its labels, the name of the metric left out.
        points: value by time, in whole seconds since 1970 (UTC).
    """

    labels: Mapping[str, str]
    points: Mapping[int, float]


class Prometheus:
    """A Prometheus server.

    Args:
        url: where it is, a path included.
    """

    def __init__(self, url: str) -> None:
        import urllib3

        self._url = url.rstrip("/")
        self._http = urllib3.PoolManager(retries=False, timeout=TIMEOUT_SECONDS)

    def range(self, query: str, start: int, end: int, step: int) -> list[Series]:
        """Return what a query gives at start, start + step … up to end; in pieces where there are many points.

        Args:
            query: in Prometheus' language.
            start: in seconds since 1970 (UTC).
            end: as ``start``.
            step: in seconds.

        Raises:
            FairleadError: it cannot be reached, or refuses; tells the query and its word.
        """
        found: dict[tuple[tuple[str, str], ...], dict[int, float]] = {}
        while start <= end:
            last = min(end, start + (MOST_POINTS - 1) * step)
            for item in self._ask(query, start, last, step):
                labels = tuple(sorted((k, v) for k, v in item["metric"].items() if k != "__name__"))
                points = found.setdefault(labels, {})
                points.update((round(float(at)), float(value)) for at, value in item["values"])
            start = last + step
        return [Series(dict(labels), points) for labels, points in found.items()]

    def _ask(self, query: str, start: int, end: int, step: int) -> list[dict[str, Any]]:
        from urllib3.exceptions import HTTPError

        words = urlencode({"query": query, "start": start, "end": end, "step": step})
        where = f"Prometheus at {self._url}"
        try:
            answer = self._http.request("GET", f"{self._url}/api/v1/query_range?{words}")
            document = json.loads(answer.data)
            if document["status"] != "success":
                raise FairleadError(f"{where} refuses {query}: {document.get('error')}")
            return list(document["data"]["result"])
        except HTTPError as error:
            raise FairleadError(f"{where} cannot be reached: {error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise FairleadError(f"{where} answers {answer.status} with what is no answer of its API") from error


def selector(labels: Mapping[str, str], **patterns: str) -> str:
    """Write a selector of series: labels that are equal, and others that match.

    >>> selector({"version": "2", "model": 'a"b'}, route="x|y")
    '{model="a\\\\"b",version="2",route=~"x|y"}'
    """
    equal = [f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in sorted(labels.items())]
    return "{" + ",".join([*equal, *(f"{k}=~{json.dumps(v)}" for k, v in patterns.items())]) + "}"

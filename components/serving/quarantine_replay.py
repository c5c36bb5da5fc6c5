"""Replay of the quarantine: rows that waited are answered after all, as they came or repaired, each at most once.

To a server a request goes again as it was, all its rows together, so that request id and row, by which its outcome
will be joined, stay what they were; the rules there are applied to it again. Offline a bundle scores each row by
itself, with no rules: somebody has decided that it is to be answered. Both take the rows as they are kept, after the
server's hooks and lookups; where a server has hooks that change what a client sends, replay offline.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import orjson
import polars as pl
import urllib3

from components.core.contracts import Columns
from components.core.errors import ContractViolation, FairleadError, unknown
from components.serving.door import INTEGERS, NUMBERS, check
from components.serving.exchange import KEPT_AS, Request, Tensor
from components.serving.guard import Guard
from components.serving.ordinary import When
from components.serving.quarantine_log import Event, QuarantineLog
from components.serving.records import Change, Recorder
from components.serving.remedy import Note
from components.serving.scored import ScoredBatch
from components.serving.sinks.sink import Sink
from components.training.bundle import Bundle

SECONDS = 30.0
"""Longest that a server may take to answer."""

IN_BETWEEN = (HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT)
"""Said by something that stands before the server, which may have answered all the same."""

KEYS = ("id", "request_id", "row")
"""Columns of a table of repaired rows that are no inputs; ``id`` says which entry a row repairs."""

Inputs = dict[str, Any]


@dataclass(frozen=True)
class Waiting:
    """One row that waits.

    Args:
        id: of its entry.
        request_id: of the request it came with.
        row: its place there.
        variant: of the server that kept it.
        odd: what was odd, ``out_of_range GrAppv``.
        inputs: JSON values, repaired where there is something to repair.
    """

    id: str
    request_id: str
    row: int
    variant: str
    odd: tuple[str, ...]
    inputs: Inputs


@dataclass(frozen=True)
class Outcome:
    """What became of a row.

    Args:
        id: of its entry.
        event: what became of it; None when nobody can say, as when the server hung up in the middle.
        detail: more about it, as JSON values.
    """

    id: str
    event: Event | None
    detail: dict[str, Any]

    def __str__(self) -> str:
        told = " ".join(f"{name}={value}" for name, value in self.detail.items())
        return f"{self.id}  {self.event or 'unknown'}  {told}"


Send = Callable[[Sequence[Waiting]], list[Outcome]]
"""Has rows of one request answered, in their order."""


def waiting(entries: pl.DataFrame, repaired: pl.DataFrame | None = None) -> list[list[Waiting]]:
    """Put entries together by the requests that they came with, in the order in which they came.

    Args:
        entries: as ``QuarantineLog.read`` gives them.
        repaired: ``id`` and the inputs to put in the place of those that came; all others stay.

    Raises:
        FairleadError: a repaired row is of no entry among them, is there twice, or has a column that is no input.
    """
    repairs = {} if repaired is None else _repairs(repaired, entries)
    groups: dict[str, list[Waiting]] = {}
    for e in entries.iter_rows(named=True):
        inputs = orjson.loads(e["inputs"]) | repairs.get(e["id"], {})
        odd = tuple(
            o["when"] if o["column"] is None else f"{o['when']} {o['column']}" for o in orjson.loads(e["reason"])
        )
        row = Waiting(e["id"], e["request_id"], e["row"], e["variant"], odd, inputs)
        groups.setdefault(row.id.rpartition("-")[0], []).append(row)
    return list(groups.values())


def replay(
    log: QuarantineLog, requests: Sequence[Sequence[Waiting]], send: Send, actor: str, *, force: bool = False
) -> list[Outcome]:
    """Have rows answered, and write down what became of each; what somebody else has taken is left to them.

    Args:
        log: the quarantine that they wait in.
        requests: the rows that are sent together; they are taken together or not at all.
        send: has them answered.
        actor: who replays.
        force: those too that were replayed before.
    """
    outcomes = []
    for rows in requests:
        if not log.claim([row.id for row in rows], actor, together=True, force=force):
            continue
        for outcome in send(rows):
            outcomes.append(outcome)
            if outcome.event is not None:
                log.settle(outcome.id, actor, outcome.event, outcome.detail)
    return outcomes


class ToServer:
    """Sends rows to a server over V2.

    Args:
        url: its root.
        model: name under which it serves the model.

    Raises:
        FairleadError: it does not serve it, or cannot be reached.
    """

    def __init__(self, url: str, model: str) -> None:
        self._root = f"{url.rstrip('/')}/v2/models/{model}"
        self._pool = urllib3.PoolManager(retries=False, timeout=SECONDS)
        try:
            answer = self._pool.request("GET", self._root)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise FairleadError(f"the server at {url} cannot be reached: {error}") from error
        if answer.status != 200:
            raise FairleadError(f"GET {self._root}: {answer.status} {answer.data[:500].decode(errors='replace')}")
        self._datatypes: dict[str, str] = {t["name"]: t["datatype"] for t in answer.json()["inputs"]}

    def __call__(self, rows: Sequence[Waiting]) -> list[Outcome]:
        """Send the rows of one request."""
        try:
            body = self._body(rows)
            answer = self._pool.request(
                "POST", f"{self._root}/infer", body=body, headers={"content-type": "application/json"}
            )
        except FairleadError as error:
            return _all(rows, "failed", {"error": str(error)})
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            return _all(rows, "failed", {"error": f"not reached: {error}"})
        except urllib3.exceptions.HTTPError as error:
            return _all(rows, None, {"error": f"sent, and not answered: {error}"})
        if answer.status == 200:
            return self._answered(rows, answer.json())
        text = {"error": f"{answer.status} {answer.data[:500].decode(errors='replace')}"}
        if group := answer.headers.get(KEPT_AS):
            return [Outcome(r.id, "withheld", {"entry": f"{group}-{i}", **text}) for i, r in enumerate(rows)]
        return _all(rows, None if answer.status in IN_BETWEEN else "failed", text)

    def _answered(self, rows: Sequence[Waiting], content: dict[str, Any]) -> list[Outcome]:
        outputs = {o["name"]: o["data"] for o in content["outputs"]}
        version = content["model_version"]
        return [
            Outcome(r.id, "answered", {**{name: values[i] for name, values in outputs.items()}, "version": version})
            for i, r in enumerate(rows)
        ]

    def _body(self, rows: Sequence[Waiting]) -> bytes:
        inputs = [
            {"name": name, "datatype": kind, "shape": [len(rows)], "data": [_value(r, name, kind) for r in rows]}
            for name, kind in self._datatypes.items()
        ]
        return orjson.dumps({"id": rows[0].request_id, "inputs": inputs})


class Offline:
    """Scores rows with a bundle, and logs them as a server would.

    Args:
        bundle: an opened bundle.
        version: its version.
        name: under which it is served.
        sink: the prediction log.
        mask: of the prediction log.
    """

    def __init__(
        self, bundle: Bundle, version: str, name: str, sink: Sink, mask: Mapping[str, Change | None] | None = None
    ) -> None:
        self._bundle, self._version, self._name, self._sink, self._mask = bundle, version, name, sink, mask
        self._guard = Guard.open(bundle.path)

    def __call__(self, rows: Sequence[Waiting]) -> list[Outcome]:
        """Score the rows of one request, each by itself."""
        return [self._one(row) for row in rows]

    def _one(self, row: Waiting) -> Outcome:
        try:
            columns = self._columns(row)
        except FairleadError as error:
            return Outcome(row.id, "failed", {"error": str(error)})
        matrix = self._bundle.transform.apply(columns)
        probability = self._bundle.probability(columns)
        decision = self._bundle.decide(probability)
        oddness, odd = (None, None) if self._guard is None else self._guard.score(matrix)
        when = cast(When, row.odd[0].partition(" ")[0]) if row.odd else None
        notes = None if when is None else [Note("pass_and_flag", when, row.odd, {})]
        batch = ScoredBatch(
            time.time(), [row.request_id], [row.row], columns, probability, decision, [0.0], oddness, odd, None, notes
        )
        recorder = Recorder(self._name, self._version, row.variant, self._bundle.contract.inputs, self._mask)
        try:
            self._sink.write(recorder.records([batch]))
        except Exception as error:
            # An answer that is not in the log is none: its outcome would find nothing to join.
            return Outcome(row.id, "failed", {"error": f"not logged: {error!r}"})
        told = {"probability": float(probability[0]), "decision": int(decision[0]), "version": self._version}
        return Outcome(row.id, "answered", told)

    def _columns(self, row: Waiting) -> Columns:
        fields = self._bundle.contract.inputs
        tensors = [Tensor(f.name, f.datatype, (1,), [_value(row, f.name, f.datatype)]) for f in fields]
        return check(Request(tuple(tensors)), self._bundle.contract, 1)


def _repairs(repaired: pl.DataFrame, entries: pl.DataFrame) -> dict[str, Inputs]:
    if "id" not in repaired.columns:
        raise FairleadError(f"repaired rows: no column id; found: {', '.join(repaired.columns)}")
    known = set(entries["id"])
    inputs = {name for text in entries["inputs"] for name in orjson.loads(text)}
    found: dict[str, Inputs] = {}
    for row in repaired.iter_rows(named=True):
        if row["id"] not in known:
            raise unknown("entry among repaired rows", row["id"], sorted(known)[:5], "It may be replayed already.")
        if other := [name for name in row if name not in (*KEYS, *inputs)]:
            raise unknown("input among repaired rows", other[0], sorted(inputs))
        if row["id"] in found:
            raise FairleadError(f"repaired rows: entry {row['id']} is there twice; keep the one that is right")
        found[row["id"]] = {name: value for name, value in row.items() if name not in KEYS}
    return found


def _value(row: Waiting, name: str, datatype: str) -> Any:
    """Take a value as its datatype has it: a table of repaired rows may have numbers as text, and days as such."""
    value = row.inputs.get(name)
    if value is None:
        return None
    if datatype not in NUMBERS:
        return str(value)
    if not isinstance(value, str):
        return value
    try:
        return int(value) if datatype in INTEGERS else float(value)
    except ValueError as error:
        raise ContractViolation(f"entry {row.id}, input {name!r}: found {value!r}, allowed: a number") from error


def _all(rows: Sequence[Waiting], event: Event | None, detail: dict[str, Any]) -> list[Outcome]:
    return [Outcome(row.id, event, detail) for row in rows]

"""Scoring, as all doors share it: rows of one request or of several, through one transform, and told to who records."""

import asyncio
import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ParamSpec, TypeVar

from components.core.contracts import Columns
from components.serving import quick
from components.serving.batcher import FOREVER, Batcher, Call, Pair, Promise, late
from components.serving.batcher import Scored as Pairs
from components.serving.door import check
from components.serving.engines import Engines
from components.serving.exchange import Answer, Request, Withheld
from components.serving.guard import Guard
from components.serving.hooks import Hooks
from components.serving.lookup import Lookup
from components.serving.quarantine_log import Entry
from components.serving.records import take
from components.serving.remedy import Note
from components.serving.score import answer, request_id, wanted_outputs
from components.serving.scored import ScoredBatch, Scores
from components.serving.treatment import Treated, Treatment
from components.training.bundle import Bundle

P = ParamSpec("P")
T = TypeVar("T")

OFF_THE_LOOP = 256
"""From so many rows on a request is scored in a thread, so that it does not hold up the others."""

Recorder = Callable[[ScoredBatch], None]
"""Takes what was scored; must neither wait nor raise."""


class Scoring:
    """One bundle at work.

    Args:
        bundle: an opened bundle.
        name: under which it is served.
        version: for answers.
        max_rows: most rows of one request.
        engines: how its model is run; None for its ONNX form alone.
        guard: flags odd rows.
        hooks: the user's own steps.
        lookup: finds histories that a request leaves out.
        treatment: the rules on odd rows; None passes them as they are.
        recorder: is told of scored rows.
    """

    def __init__(
        self,
        bundle: Bundle,
        name: str,
        version: str,
        max_rows: int,
        *,
        engines: Engines | None = None,
        guard: Guard | None = None,
        hooks: Hooks | None = None,
        lookup: Lookup | None = None,
        treatment: Treatment | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self.bundle = bundle
        self.engines = engines or Engines(bundle.scorer.score)
        self.hooks = hooks
        self._read = quick.reader(bundle.contract)
        self._batcher = Batcher(self._together)
        self._layout = quick.Layout(bundle.contract.inputs)
        self._name, self._version, self._max_rows = name, version, max_rows
        self._guard = guard
        self._lookup = lookup
        self._width = len(bundle.contract.inputs)
        self._treatment = treatment
        self._recorder = recorder
        self._keeping: set[asyncio.Task[None]] = set()

    def read(self, content: object) -> quick.Row | None:
        """Accept a parsed V2 request of one row in the usual form; None leaves it to ``answer``.

        With hooks everything is left to ``answer``: they are to see whole requests.
        """
        return self._read(content) if self.hooks is None else None

    async def one(
        self, row: quick.Row, content: Mapping[str, Any], name: str, arrived: float, seconds: float | None
    ) -> Pair:
        """Score a row that ``read`` accepted, together with others that came in the same turn of the loop.

        Args:
            row: the row.
            content: the request that it was read from.
            name: the request's id.
            arrived: when it came in, by ``time.perf_counter``.
            seconds: how long it may take from then on; None for no limit.

        Returns:
            Probability and decision.

        Raises:
            ContractViolation: the history of an entity was given in part.
            Unavailable: a history has to be looked up and cannot be.
            Withheld: it is odd, and a rule keeps it back.
            Late: it took longer.
        """
        if self._lookup is not None and not self.whole(content):
            needed = self._lookup.needed({tensor["name"] for tensor in content["inputs"]})
            if needed:
                columns, notes = await self._lookup.fill(self._layout.columns([row]), needed)
                return await self._batcher.submit(self._layout.row(columns), name, arrived, seconds, notes[0])
        return await self._batcher.submit(row, name, arrived, seconds)

    def unrecorded(self) -> "Scoring":
        """Return the same at work, telling nobody: for rows that an explainer makes up, which are no predictions; odd
        ones are among them on purpose."""
        quiet = copy.copy(self)
        quiet._recorder = quiet._treatment = None
        quiet._read = lambda _: None  # the batcher scores rows of several requests together, and records them all
        return quiet

    def put(self, row: quick.Row, name: str, arrived: float, seconds: float | None, score: Promise) -> None:
        """Score a row as ``one`` does, for a request that left nothing out, and hand its score over."""
        self._batcher.put(Call(row, name, arrived, FOREVER if seconds is None else arrived + seconds, None, score))

    def whole(self, content: Mapping[str, Any]) -> bool:
        """Say whether nothing has to be looked up for a request that ``read`` accepted."""
        return self._lookup is None or len(content["inputs"]) == self._width

    async def answer(
        self, request: Request, headers: Mapping[str, str], arrived: float, seconds: float | None = None
    ) -> Answer:
        """Check a request at the door, score its rows and give the outputs that were asked for.

        Args:
            request: decoded.
            headers: of the request, by lower-case name, for the hooks.
            arrived: as with ``one``.
            seconds: as with ``one``.

        Raises:
            ContractViolation: the request does not fit the contract.
            Withheld: one of its rows is odd, and a rule keeps it back.
            Late: it took longer.
        """
        if seconds is None:
            return await self._answer(request, headers, arrived)
        limit = asyncio.timeout(arrived + seconds - time.perf_counter())
        try:
            async with limit:
                return await self._answer(request, headers, arrived)
        except TimeoutError as error:
            if limit.expired():
                raise late(seconds) from error
            raise

    async def rows(self, request: Request, headers: Mapping[str, str], max_rows: int) -> Columns:
        """Give the rows that a request is scored with, without scoring them: after hooks, door and lookup.

        Args:
            request: decoded.
            headers: as with ``answer``.
            max_rows: more are refused.

        Raises:
            ContractViolation: the request does not fit the contract.
            Unavailable: a history has to be looked up and cannot be.
        """
        changed = request if self.hooks is None else await self.hooks.before(request, headers)
        columns, _ = await self._looked_up(changed, check(changed, self.bundle.contract, max_rows))
        return columns

    async def _answer(self, request: Request, headers: Mapping[str, str], arrived: float) -> Answer:
        if self.hooks is None:
            given, record = await self._checked(request, arrived)
        else:
            changed = await self.hooks.before(request, headers)
            checked, record = await self._checked(changed, arrived)
            given = await self.hooks.after(checked, headers)
        # Nothing is recorded of a request that failed or was late in a hook: its client has no answer.
        record()
        return given

    async def _checked(self, request: Request, arrived: float) -> tuple[Answer, Callable[[], None]]:
        """Give the answer, and what records it once it is certain to go out."""
        contract = self.bundle.contract
        wanted = wanted_outputs(request, contract)
        # By what is there, not by what a shape says of it.
        rows = max((len(tensor.data) for tensor in request.tensors), default=0)
        run = _in_thread if rows >= OFF_THE_LOOP else _here
        columns = await run(check, request, contract, self._max_rows)
        columns, notes = await self._looked_up(request, columns)
        scores, name, treated = await run(self._score, columns), request_id(request), None
        if self._treatment is not None and not self._plain(self._treatment, columns, scores):
            treated = await run(self._treatment.apply, columns, scores, self._score)
            if treated.withheld:
                entries, error = await run(
                    self._treatment.hold, columns, scores, treated.judged, range(scores.rows), name
                )
                await self._treatment.keep(entries)
                raise error
            columns, scores = treated.columns, treated.scores
        n, took = scores.rows, (time.perf_counter() - arrived) * 1000
        done = None if treated is None else treated.notes
        record = partial(self._record, columns, scores, [name] * n, range(n), [took] * n, notes, done)
        given = answer(self._name, self._version, name, wanted, contract, scores.probability, scores.decision)
        return given if treated is None else replace(given, remedies=treated.told(range(n))), record

    def _plain(self, treatment: Treatment, columns: Columns, scores: Scores) -> bool:
        return scores.rows == 1 and treatment.plain([self._layout.row(columns)], scores.odd)

    async def _looked_up(self, request: Request, columns: Columns) -> tuple[Columns, Sequence[str] | None]:
        if self._lookup is not None:
            needed = self._lookup.needed({tensor.name for tensor in request.tensors})
            if needed:
                return await self._lookup.fill(columns, needed)
        return columns, None

    def _together(self, calls: Sequence[Call]) -> Pairs:
        columns = self._layout.columns([call.row for call in calls])
        scores = self._score(columns)
        now = time.perf_counter()
        latencies = [(now - call.arrived) * 1000 for call in calls]
        notes = [call.note or "" for call in calls] if self._lookup is not None else None
        ids = [call.id for call in calls]
        if self._treatment is not None and not self._treatment.plain([call.row for call in calls], scores.odd):
            treated = self._treatment.apply(columns, scores, self._score)
            self._withhold(self._treatment, calls, columns, scores, treated)
            self._record(
                treated.columns,
                treated.scores,
                ids,
                [0] * len(calls),
                latencies,
                notes,
                treated.notes,
                treated.withheld,
            )
            return _pairs(treated)
        self._record(columns, scores, ids, [0] * len(calls), latencies, notes)
        return list(zip(scores.probability.tolist(), scores.decision.tolist(), strict=True))

    def _withhold(
        self, treatment: Treatment, calls: Sequence[Call], columns: Columns, scores: Scores, treated: Treated
    ) -> None:
        """Have the rows written that are kept back, each a request of its own, and tell their clients then."""
        for i in treated.withheld:
            entries, error = treatment.hold(columns, scores, treated.judged, [i], calls[i].id)
            task = asyncio.get_running_loop().create_task(_kept(treatment, entries, error, calls[i].score))
            self._keeping.add(task)
            task.add_done_callback(self._keeping.discard)

    def _score(self, columns: Columns) -> Scores:
        matrix = self.bundle.transform.apply(columns)
        probability = self.bundle.calibration.apply(self.engines.score(matrix))
        oddness, odd = (None, None) if self._guard is None else self._guard.score(matrix)
        return Scores(probability, self.bundle.decide(probability), oddness, odd)

    def _record(
        self,
        columns: Columns,
        scores: Scores,
        ids: Sequence[str],
        rows: Sequence[int],
        latencies: Sequence[float],
        lookups: Sequence[str] | None,
        remedies: Sequence[Note | None] | None = None,
        but: Sequence[int] = (),
    ) -> None:
        if self._recorder is not None and len(but) < len(ids):
            batch = ScoredBatch(
                time.time(),
                ids,
                rows,
                columns,
                scores.probability,
                scores.decision,
                latencies,
                scores.oddness,
                scores.odd,
                lookups,
                remedies,
            )
            self._recorder(take(batch, sorted({*range(len(ids))} - {*but})) if but else batch)


def _pairs(treated: Treated) -> list[Pair | None]:
    pairs: list[Pair | None] = []
    probability, decision = treated.scores.probability.tolist(), treated.scores.decision.tolist()
    withheld = set(treated.withheld)
    for i in range(treated.scores.rows):
        told = treated.told([i])
        pair: Pair = (probability[i], decision[i], told) if told else (probability[i], decision[i])
        pairs.append(None if i in withheld else pair)
    return pairs


async def _kept(treatment: Treatment, entries: Sequence[Entry], error: Withheld, score: Promise) -> None:
    """Keep a row back, and then tell who waits for its score."""
    told: Exception = error
    try:
        await treatment.keep(entries)
    except Exception as failed:
        told = failed
    if not score.done():
        score.set_exception(told)


async def _here(f: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return f(*args, **kwargs)


async def _in_thread(f: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.to_thread(f, *args, **kwargs)

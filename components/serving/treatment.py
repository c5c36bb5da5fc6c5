"""Acting on odd rows: what the rules say is done to rows that were scored, and what they keep back is kept.

A request is answered as a whole. One of its rows that a rule rejects or puts into quarantine keeps all of it from being
answered: an output has a number for each row, and there is none that a client could not mistake for a score. So nothing
of it is scored, all its rows are in the quarantine, and its client is told which row it was, and under which name they
wait. Fine rows that stand beside odd ones are best sent in requests of their own.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from components.core.contracts import Columns, Contract
from components.core.errors import FairleadError
from components.core.shown import shown
from components.serving.exchange import Quarantined, Rejected, Unavailable, Withheld
from components.serving.gather import Gather
from components.serving.ordinary import BoolArray
from components.serving.quarantine_log import Entry, QuarantineLog
from components.serving.quick import Row
from components.serving.remedy import Judge, Judged, Note
from components.serving.scored import Scores
from components.training.v2_request import json_values

logger = logging.getLogger("kserve.fairlead")

PATIENCE = 5.0
"""Seconds that the quarantine may take to write."""
GATHERED = 256
"""Most requests whose rows are written in one transaction."""
SHOWN = 5
"""Odd rows told in one error; a client mends them together."""
TOLD = 100
"""Rows with replaced values that an answer tells of."""


@dataclass(frozen=True)
class Treated:
    """What the rules made of n rows.

    Args:
        judged: the decision.
        columns: the rows as they are scored.
        scores: theirs.
        notes: for each row what was done, None where nothing was odd or it is kept back.
    """

    judged: Judged
    columns: Columns
    scores: Scores
    notes: list[Note | None]

    @property
    def withheld(self) -> list[int]:
        """The rows that a rule keeps back."""
        return self.judged.rows("reject", "quarantine")

    def told(self, rows: Sequence[int]) -> str:
        """Say for the client in which rows values were replaced, as a JSON list; empty where none were.

        Args:
            rows: those of its request, in order.
        """
        notes = [(number, self.notes[i]) for number, i in enumerate(rows)]
        told: list[dict[str, Any]] = [
            {"row": number, "remedy": note.remedy, "odd": note.odd, "replaced": list(note.replaced)}
            for number, note in notes
            if note is not None and note.remedy == "impute_and_flag"
        ]
        if len(told) > TOLD:
            told = [*told[:TOLD], {"more": len(told) - TOLD}]
        return orjson.dumps(told).decode() if told else ""


class Treatment:
    """The rules of one served model at work.

    Args:
        judge: decides.
        contract: of the model.
        name: under which it is served.
        version: its version.
        variant: what it is served as.
        quarantine: where rows are kept; None where no rule keeps any back.
    """

    def __init__(
        self, judge: Judge, contract: Contract, name: str, version: str, variant: str, quarantine: QuarantineLog | None
    ) -> None:
        self.judge = judge
        self._fields = contract.inputs
        self._who = (name, version, variant)
        self._quarantine = quarantine
        self._gather: Gather[Sequence[Entry], None] = Gather(self._write, 1, GATHERED)

    def plain(self, rows: Sequence[Row], outlier: BoolArray | None) -> bool:
        """Say whether nothing is odd about any of some rows; quickly.

        Args:
            rows: checked.
            outlier: whether the detector calls them odd, shape (n,); None without a detector.
        """
        return (outlier is None or True not in outlier.tolist()) and all(map(self.judge.plain, rows))

    def apply(self, columns: Columns, scores: Scores, score: Callable[[Columns], Scores]) -> Treated:
        """Decide on n rows, and score those anew in which a value has to be replaced.

        Args:
            columns: the rows as they came.
            scores: theirs.
            score: scores rows.
        """
        judged = self.judge.judge(columns, scores.oddness)
        kept_back = set(judged.rows("reject", "quarantine"))
        notes = [None if i in kept_back else self.judge.note(columns, judged, i) for i in range(scores.rows)]
        imputed = judged.rows("impute_and_flag")
        if imputed:
            columns = self.judge.filled(columns, judged)
            scores = scores.with_rows(imputed, score({name: values[imputed] for name, values in columns.items()}))
        return Treated(judged, columns, scores, notes)

    def hold(
        self, columns: Columns, scores: Scores, judged: Judged, rows: Sequence[int], request_id: str
    ) -> tuple[list[Entry], Withheld]:
        """Make the entries of a request with a row that is kept back, and what its client is told.

        Args:
            columns: the rows as they came, of this request and perhaps of others.
            scores: theirs.
            judged: the decision on them.
            rows: those of the request, in order.
            request_id: of the request.
        """
        group, at = uuid.uuid4().hex[:16], round(time.time() * 1e6)
        remedies = [judged.remedy[i] for i in rows]
        kind: type[Withheld] = Rejected if "reject" in remedies else Quarantined
        inputs = self._inputs(columns, rows)
        entries, texts, odd = [], [], []
        for number, (i, remedy) in enumerate(zip(rows, remedies, strict=True)):
            rule, reason = "", list[dict[str, Any]]()
            if remedy in ("reject", "quarantine"):
                rule, reason = (
                    str(self.judge.rules[judged.rule[i]]),
                    self.judge.reason(columns, scores.oddness, judged, i),
                )
                odd.append((remedy, reason[0]["when"]))
                texts.append((remedy, _text(number, reason[0], f"{group}-{number}")))
            else:
                remedy = kind.remedy
            told = orjson.dumps(reason).decode()
            entries.append(
                Entry(f"{group}-{number}", at, request_id, number, *self._who, inputs[number], remedy, rule, told)
            )
        return entries, kind(_whole(kind, texts, len(rows)), group, odd)

    async def keep(self, entries: Sequence[Entry]) -> None:
        """Write entries to the quarantine, together with those of other requests; off the event loop.

        Raises:
            Unavailable: they could not be written; the client has the rows still.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                await self._gather.submit(None, entries)
        except (TimeoutError, FairleadError) as error:
            logger.error("odd rows cannot be kept: %s", error or f"not within {PATIENCE:g} s")
            raise Unavailable("a row is odd and cannot be kept for a decision just now; try again") from error

    def close(self) -> None:
        """Let the thread go, and close the quarantine; nobody may wait for it any more."""
        self._gather.close()
        if self._quarantine is not None:
            self._quarantine.close()

    def _write(self, _: Hashable, parts: Sequence[Sequence[Entry]]) -> list[None]:
        assert self._quarantine is not None  # there is one where a rule keeps rows back
        self._quarantine.add([entry for part in parts for entry in part])
        return [None] * len(parts)

    def _inputs(self, columns: Columns, rows: Sequence[int]) -> list[str]:
        names = [field.name for field in self._fields]
        values = [json_values(columns[field.name][list(rows)], field) for field in self._fields]
        return [orjson.dumps(dict(zip(names, row, strict=True))).decode() for row in zip(*values, strict=True)]


def _text(number: int, why: dict[str, Any], entry: str) -> str:
    where = f"row {number}" if why["column"] is None else f"input {why['column']!r}, row {number}"
    return f"{where}: {why['when']}: found {shown(why['found'])}, allowed: {why['allowed']}; kept as {entry}"


def _whole(kind: type[Withheld], texts: Sequence[tuple[str, str]], rows: int) -> str:
    """Put the client's error together: first what it can mend."""
    ordered = [text for remedy, text in texts if remedy == kind.remedy]
    ordered += [text for remedy, text in texts if remedy != kind.remedy]
    more = f"; and {len(ordered) - SHOWN} more rows" if len(ordered) > SHOWN else ""
    beside = f"; none of the request's {rows} rows was scored" if rows > 1 else ""
    ending = "" if kind is Rejected else "; a person has to decide on it, do not send it again"
    return "; ".join(ordered[:SHOWN]) + more + beside + ending

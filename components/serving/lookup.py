"""The online lookup: histories of a request's entities that the client left out, read from the feature store by key.

A contract names its entities: a key among the inputs (``Bank``) and the inputs that hold its history (``bank_count``,
``bank_bad``, ``bank_last_bad``). For each entity a request gives all of the history, and it is taken as it is, or none
of it, and it is looked up; a part of it is refused. So a client that means "never seen" sends null. Only the date of
the latest bad outcome may be left out beside the others, as any input that may be null: there was none.

How to call it, once for each server and then for each request::

    lookup = Lookup.open(store, bundle.contract)      # seconds: imports Feast; raises when the store does not fit
    entities = lookup.needed(names_of_inputs_given)   # microseconds; () is the plain path, nothing else to do
    columns = check(request, ...)                     # the door, which fills in "missing" for what was left out
    columns, notes = await lookup.fill(columns, entities)
    lookup.close()

``notes`` has a short text for each row, ``bank=found zip=missing industry=found``, for the prediction log. The words:

- ``found``: the store knows the entity's history;
- ``missing``: it knows none, because the entity was never seen or has nothing in its window. Its inputs are null, as
  they were in training, where both are the same thing;
- ``unstated``: the row's key is null; so are its inputs, as in training;
- ``stale``: the store is older, beside the row's event time, than ``max_age_days``; the history, or that there is none,
  may be wrong by what happened since;
- ``ahead``: the store knows more than was known on the day of the row's event, as when old rows are replayed.

What a row is scored with is always the answer of the store, or null; nothing is made up. With the policy ``refuse`` a
stale row is answered with 503, as is any request that needs a lookup while the store is broken or slow. Such a store
does not make the server unready: requests that give everything are still answered, and a pod that is taken out of the
service because of a store that all pods share would only take the plain requests down too. A store that does not fit
the model (another use case, another window, never materialised) is refused when the server starts.

Feast is synchronous, so that ``fill`` asks it on threads of its own. Requests that come while it is being asked are
gathered and asked for together, which costs little more than one; a thread that hangs is not waited for.
"""

import asyncio
import logging
from collections.abc import Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Contract, Entity, Field
from components.core.errors import ContractViolation, FairleadError
from components.serving.exchange import Unavailable
from components.serving.gather import Gather
from components.training.v2_request import whole_history

if TYPE_CHECKING:
    from components.features.online import Opened

logger = logging.getLogger(__name__)

Policy = Literal["flag", "refuse"]

MAX_AGE_DAYS = 61.0
"""Age of the store from which rows are stale; training, too, takes a state for no longer good after so many days."""
TIMEOUT_MS = 100.0
"""Longest that a lookup may take, its wait for a thread included: of the first hundred rows, and as much again for each
hundred more."""
ROWS_A_TIMEOUT = 100
AT_ONCE = 2
"""Questions to the store under way; more would wait for each other, for most of the work is Python's."""
GATHERED = 64
"""Requests asked for together, at most."""

Days = npt.NDArray[np.datetime64]
Filled = tuple[Columns, list[str]]
"""Columns of n rows, and what became of each row's lookup."""


class Lookup:
    """A feature store beside a model; make it with ``open``.

    Args:
        contract: names inputs and entities.
        store: opened.
        max_age_days: how old the store may be beside a row's event time.
        policy: ``flag`` scores stale rows and says so, ``refuse`` answers 503.
        timeout_ms: longest that one lookup may take, see ``TIMEOUT_MS``.
    """

    def __init__(
        self, contract: Contract, store: "Opened", max_age_days: float, policy: Policy, timeout_ms: float
    ) -> None:
        from components.features.definitions import view_name

        self._entities = {e.name: e for e in contract.entities}
        self._fields = {f.name: f for f in contract.inputs}
        self._views = {e.name: view_name(contract.model, e.name) for e in contract.entities}
        self._event_time = contract.event_time
        self._store = store
        self._max_age_days, self._policy, self._timeout_ms = max_age_days, policy, timeout_ms
        self._gather: Gather[Columns, Filled] = Gather(self._fill_together, AT_ONCE, GATHERED)

    @classmethod
    def open(
        cls,
        store: Path,
        contract: Contract,
        *,
        max_age_days: float = MAX_AGE_DAYS,
        policy: Policy = "flag",
        timeout_ms: float = TIMEOUT_MS,
    ) -> "Lookup":
        """Open a store and check that it fits the model.

        An online half that is a server need not answer yet.

        Raises:
            FairleadError: there is no store, it is not materialised, or it was built for something else.
        """
        if not contract.entities:
            raise FairleadError(
                f"model {contract.model!r} names no entities to look up: it has none, or its bundle is older than the "
                "lookup; train it anew, or serve it without --features"
            )
        from components.features.online import Opened

        opened = Opened(store)
        for entity in contract.entities:
            _require_fit(opened, contract, entity)
        lookup = cls(contract, opened, max_age_days, policy, timeout_ms)
        lookup._warm_up()
        return lookup

    def needed(self, given: Collection[str]) -> tuple[str, ...]:
        """Say which entities have to be looked up.

        Args:
            given: names of the inputs in the request.

        Returns:
            Names of entities, for ``fill``; none when all histories were given.

        Raises:
            ContractViolation: the history of an entity was given in part.
        """
        needed = []
        for entity in self._entities.values():
            left_out = [name for name in entity.history if name not in given]
            whole = whole_history(entity)
            if len(left_out) == len(entity.history):
                needed.append(entity.name)
            elif left_out := [name for name in left_out if name in whole]:
                raise ContractViolation(
                    f"history of {entity.name}: found {', '.join(n for n in entity.history if n in given)} without "
                    f"{', '.join(left_out)}, allowed: all of them, or none to have them looked up by {entity.key!r}",
                    [(name, "missing") for name in left_out],
                )
        return tuple(needed)

    async def fill(self, columns: Columns, entities: Sequence[str]) -> Filled:
        """Look up the histories of entities, within the time limit and off the event loop.

        Args:
            columns: n rows that have passed the door.
            entities: what ``needed`` said.

        Returns:
            The rows with these histories in, and for each row what became of its lookup.

        Raises:
            Unavailable: the store is broken, was too slow, or is too old for the policy.
        """
        seconds = self._timeout_ms / 1000 * -(-_rows(columns) // ROWS_A_TIMEOUT)
        asked = [self._entities[name] for name in entities]
        # What one request must not be given, others may: so it is refused before it is among them.
        self._require_fresh(columns, asked)
        narrow = {name: columns[name] for name in (*(e.key for e in asked), self._event_time) if name}
        try:
            async with asyncio.timeout(seconds):
                found, notes = await self._gather.submit(tuple(entities), narrow)
        except TimeoutError as error:
            raise Unavailable(
                f"the feature store did not answer within {seconds * 1000:g} ms; send the histories along, or try again"
            ) from error
        return {**columns, **found}, notes

    def fill_now(self, columns: Columns, entities: Sequence[str]) -> Filled:
        """Do what ``fill`` does, on this thread and however long it takes."""
        self._require_fresh(columns, [self._entities[name] for name in entities])
        ((found, notes),) = self._fill_together(tuple(entities), [columns])
        return {**columns, **found}, notes

    def close(self) -> None:
        """Let the threads go; lookups under way are not waited for."""
        self._gather.close()

    def _fill_together(self, entities: Hashable, parts: Sequence[Columns]) -> list[Filled]:
        """Look up several requests' rows; give for each the histories and the notes."""
        assert isinstance(entities, tuple)
        asked = [self._entities[name] for name in entities]
        whole = parts[0] if len(parts) == 1 else {n: np.concatenate([p[n] for p in parts]) for n in parts[0]}
        with self._told():
            found = self._read(whole, asked)
            words = [self._words(e, whole, found) for e in asked]
        notes = [" ".join(row) for row in zip(*words, strict=True)]
        ends = np.cumsum([_rows(part) for part in parts]).tolist()
        slices = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
        return [({name: values[part] for name, values in found.items()}, notes[part]) for part in slices]

    def _read(self, columns: Columns, entities: Sequence[Entity]) -> Columns:
        from components.features.on_demand import to_columns

        keys = {e.key: columns[e.key] for e in entities}
        features = [f"{self._views[e.name]}:{name}" for e in entities for name in e.history]
        answer = self._store.read(features, keys, {key: self._fields[key].kind for key in keys})
        return to_columns(answer, [self._fields[name] for e in entities for name in e.history])

    def _age_days(self, columns: Columns, entity: Entity) -> npt.NDArray[np.float64]:
        """Return for each row the days from what the store knows to the row's event; below 0 it knows more."""
        known_until = self._store.known_until(self._views[entity.name])
        if known_until is None:
            raise FairleadError(f"{self._store.store} no longer has a materialised history of {entity.name}")
        today = np.datetime64(datetime.now(UTC).date())
        events: Days = columns[self._event_time] if self._event_time else np.full(_rows(columns), today)
        ages = (events - np.datetime64(known_until.date())).astype(np.float64)
        return np.where(np.isnat(events), float((today - np.datetime64(known_until.date())).astype(int)), ages)

    def _require_fresh(self, columns: Columns, entities: Sequence[Entity]) -> None:
        if self._policy == "flag":
            return
        for entity in entities:
            with self._told():
                ages = self._age_days(columns, entity)
            row = int(np.argmax(ages))
            if ages[row] > self._max_age_days:
                raise Unavailable(
                    f"the feature store's history of {entity.name} is {ages[row]:g} days older than row {row}, "
                    f"allowed: {self._max_age_days:g}; materialise it anew, or send the history along"
                )

    def _words(self, entity: Entity, columns: Columns, found: Columns) -> list[str]:
        ages = self._age_days(columns, entity)
        unstated = _nulls(columns[entity.key], self._fields[entity.key])
        unknown = np.logical_and.reduce([_nulls(found[name], self._fields[name]) for name in entity.history])
        cases = [unstated, ages > self._max_age_days, ages < 0, unknown]
        words = np.select(cases, ["unstated", "stale", "ahead", "missing"], "found")
        return [f"{entity.name}={word}" for word in words.tolist()]

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn whatever goes wrong with the store into the client's answer; Feast, SQLite and Redis share no error."""
        try:
            yield
        except Exception as error:
            logger.exception("the feature store %s failed", self._store.store)
            raise Unavailable(
                "the feature store is broken or cannot be reached; the server's log says how. Send the histories "
                "along, or try again"
            ) from error

    def _warm_up(self) -> None:
        """Look up nobody, so that the first request does not pay for what Feast does once."""
        nobody = {e.key: _null(self._fields[e.key]) for e in self._entities.values()}
        try:
            self._read(nobody, list(self._entities.values()))
        except Exception:
            logger.warning("the feature store %s does not answer yet", self._store.store, exc_info=True)


def _require_fit(opened: "Opened", contract: Contract, entity: Entity) -> None:
    from components.features.definitions import WINDOW_TAG, view_name

    name = view_name(contract.model, entity.name)
    view = opened.view(name)
    features = {f.name for f in view.features}
    window = view.tags.get(WINDOW_TAG)
    wrong = [f"history column {column!r} is not in it" for column in entity.history if column not in features]
    if view.join_keys != [entity.key]:
        wrong.append(f"it is keyed by {', '.join(view.join_keys)}, the model's entity by {entity.key}")
    if window != str(entity.window_months):
        wrong.append(f"its history counts {window} months back, the model's {entity.window_months}")
    if opened.known_until(name) is None:
        wrong.append("it was never materialised: run fairlead features materialize")
    if wrong:
        raise FairleadError(
            f"feature view {name} of {opened.store} does not fit model {contract.model!r}: {'; '.join(wrong)}"
        )


def _rows(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def _nulls(values: npt.NDArray[Any], field: Field) -> npt.NDArray[np.bool_]:
    if field.kind == "category":
        return np.array([value is None for value in values], dtype=bool)
    nulls: npt.NDArray[np.bool_] = np.isnat(values) if field.kind == "date" else np.isnan(values)
    return nulls


def _null(field: Field) -> npt.NDArray[Any]:
    return np.array([None], dtype=object) if field.kind == "category" else np.array([np.nan])

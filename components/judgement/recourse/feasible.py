"""Whether a way out could really be taken, checked apart from the search that found it."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from components.core.contracts import Columns, Field
from components.core.explaining import Actionable
from components.core.use_case import Column, UseCase
from components.data.expectations import check
from components.judgement.explanation import Change, Counterfactual
from components.judgement.recourse.rules import held, proposal_rules
from components.judgement.recourse.ways_out import WaysOut, as_json, changed
from components.training.bundle import Bundle
from components.training.v2_request import v2_body, v2_columns


def breaches(use_case: UseCase, bundle: Bundle, ways: WaysOut) -> tuple[tuple[str, ...], ...]:
    """Tell what speaks against each way out that was found; () where nothing does.

    Nothing here comes from the search: changes are held against the use case, the changed row against the table's
    domains and rules as validation holds raw rows against them (by polars and pandera, the search asks SQLite), and its
    decision is asked for anew over the JSON of a request.
    """
    fields = bundle.contract.inputs
    told: list[list[str]] = []
    requests = []
    for place, found in enumerate(ways.counterfactuals):
        if not found.found:
            continue
        row = as_json(ways.rows, place, fields)
        told.append([text for c in found.changes if (text := _against(c, row, use_case.explanations.actionable))])
        new = changed(ways.rows, place, found.changes, fields)
        told[-1] += _decided(bundle, new, found, fields)
        requests.append(as_json(new, 0, fields))
    for place, text in _off_the_table(use_case, requests, held(use_case, fields).names):
        told[place].append(text)
    return tuple(tuple(texts) for texts in told)


def _against(change: Change, row: dict[str, object], actionable: Sequence[Actionable]) -> str:
    allowed = next((a for a in actionable if a.column == change.input), None)
    if allowed is None:
        return f"{change.input} may not be acted on"
    if change.old != row[change.input]:
        return f"{change.input} is {row[change.input]}, not {change.old}"
    if change.new is None or change.new == change.old:
        return f"{change.input} does not change to a value"
    if allowed.values and change.new not in allowed.values:
        return f"{change.input} may not become {change.new}"
    if allowed.direction == "any":
        return ""
    rises: Any = change.old is not None and change.new > change.old  # ISO dates stand in the order of time
    falls: Any = change.old is not None and change.new < change.old
    return (
        "" if (rises if allowed.direction == "increase" else falls) else f"{change.input} may only {allowed.direction}"
    )


def _decided(bundle: Bundle, new: Columns, found: Counterfactual, fields: Sequence[Field]) -> list[str]:
    sent = v2_columns(json.loads(json.dumps(v2_body(new, fields))), fields)
    decision = int(bundle.decide(bundle.probability(sent))[0])
    return [] if decision != found.decision else [f"the decision stays {decision}"]


def _off_the_table(
    use_case: UseCase, requests: Sequence[dict[str, object]], rules: Sequence[str]
) -> list[tuple[int, str]]:
    """Hold changed rows against the columns and rules of the table: place of the row, and what it breaks."""
    if not requests:
        return []
    names = use_case.features.inputs
    columns = {name: use_case.data.columns[name].model_copy(update={"unique": False}) for name in names}
    place = "place of the row"
    kept = [rule.model_copy(update={"column": place}) for rule in proposal_rules(use_case) if rule.name in rules]
    data = use_case.data.model_copy(
        update={"row_id": place, "columns": {place: Column(kind="int"), **columns}, "rules": tuple(kept)}
    )
    values = {name: [request[name] for request in requests] for name in names}
    frame = pl.DataFrame({place: np.arange(len(requests)), **values}, strict=False)
    found = check(frame, data).breaches
    return [
        (row, f"breaks {rule}" if column == place else f"breaks {rule} of {column}")
        for row, rule, column in found.select("row", "rule", "column").rows()
    ]

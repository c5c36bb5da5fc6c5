"""Anchors: rules on a row's values under which the model nearly always decides as it did for that row.

Source: Ribeiro, Singh and Guestrin, "Anchors: High-Precision Model-Agnostic Explanations", AAAI 2018, as implemented by
alibi. Rows are drawn from the bundle's background rows; those are few, so precision and coverage are rough.
"""

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from alibi.exceptions import PredictorCallError
from alibi.explainers import AnchorTabular

from components.core.contracts import Columns, Field
from components.judgement.codes import Codes, Levels, learn
from components.judgement.explanation import AllAnchors, AnchorExplanation, Condition, Decides
from components.training.bundle import Bundle
from components.training.v2_request import json_values, v2_columns

__all__ = ["AllAnchors", "AnchorExplanation", "explain", "explain_declined", "explain_examples"]

PRECISION = 0.95
"""Precision that the rules are sought with."""

MAXIMUM_RULES = 5
"""More rules than this nobody reads; the best that were found are told with their precision."""

_RANGE = re.compile(r"^(?:(?P<above>[\d.]+) < )?c(?P<column>\d+)(?: <= (?P<upto>[\d.]+))?$")
_BEYOND = re.compile(r"^c(?P<column>\d+) (?P<sign>[>=]) (?P<code>[\d.]+)$")


def explain_examples(bundle: Path, seed: int = 7) -> list[AnchorExplanation]:
    """Explain the example requests of a bundle; equal seeds give equal explanations.

    Args:
        bundle: directory of the bundle.
        seed: seeds each explanation anew, so that one does not hang on those before it.

    Raises:
        IntegrityError: the bundle is not what it says it is.
    """
    opened = Bundle.open(bundle)
    read = set(opened.transform.inputs)
    fields = [f for f in opened.contract.inputs if f.name in read]
    background, examples = opened.background(), opened.examples()
    rows = [v2_columns(example["request"], fields) for example in examples]
    codes = learn(fields, [background, *rows])
    return [
        explain(opened, codes, background, row, example["name"], seed)
        for row, example in zip(rows, examples, strict=True)
    ]


def explain_declined(bundle: Path, most: int, seed: int = 7) -> list[AnchorExplanation]:
    """Explain declined background rows of a bundle, at most so many, drawn by the seed; equal seeds give equal ones.

    Args:
        bundle: directory of the bundle.
        most: rows to explain.
        seed: seeds the draw, and each explanation anew.

    Raises:
        IntegrityError: the bundle is not what it says it is.
    """
    opened = Bundle.open(bundle)
    read = set(opened.transform.inputs)
    fields = [f for f in opened.contract.inputs if f.name in read]
    background = opened.background()
    codes = learn(fields, [background])
    declined = np.flatnonzero(opened.decide(opened.probability(background)) == 1)
    if len(declined) > most:
        declined = np.sort(np.random.default_rng(seed).choice(declined, size=most, replace=False))
    rows = [{f.name: background[f.name][i : i + 1] for f in fields} for i in declined]
    names = [f"background row {i}" for i in declined]
    return [explain(opened, codes, background, row, name, seed) for name, row in zip(names, rows, strict=True)]


def explain(model: Decides, codes: Codes, background: Columns, row: Columns, name: str, seed: int) -> AnchorExplanation:
    """Find the anchor of one row. One at a time in a process: alibi seeds numpy's own generator.

    Args:
        model: decides rows; whatever it raises comes through.
        codes: learnt from the background and the row.
        background: rows to draw from.
        row: the inputs that the model reads, one row.
        name: names the row.
        seed: equal seeds give equal anchors.
    """
    scored = 0
    # alibi tries the model on a row of zeros, which are gaps here, also where an input may not have one.
    lowest = [0 if f.nullable or len(v) == 1 else 1 for f, v in zip(codes.fields, codes.levels, strict=True)]

    def decide(matrix: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        nonlocal scored
        scored += len(matrix)
        return model.decide(model.probability(codes.decode(np.maximum(matrix, lowest))))

    # alibi writes rules on numbers with two decimals; on codes that loses nothing, and dates and gaps fit too.
    names = [f"c{i}" for i in range(len(codes.fields))]
    categories = {
        i: [str(code) for code in range(len(codes.levels[i]))]
        for i, field in enumerate(codes.fields)
        if field.kind == "category"
    }
    try:
        explainer = AnchorTabular(decide, names, categorical_names=categories, dtype=np.float64, seed=seed)
    except PredictorCallError as error:
        raise (error.__cause__ or error) from None
    # It warns where no rules hold as well as was sought, which every explanation tells of itself.
    logging.getLogger("alibi.explainers.anchors.anchor_base").setLevel(logging.ERROR)
    explainer.fit(codes.encode(background))
    found = explainer.explain(codes.encode(row)[0], threshold=PRECISION, max_anchor_size=MAXIMUM_RULES)
    probability = model.probability(row)
    ranges = _ranges(found.anchor, codes)
    return AnchorExplanation(
        row=name,
        probability=float(probability[0]),
        decision=int(model.decide(probability)[0]),
        rules=tuple(_between(codes.fields[i], codes.levels[i], first, last) for i, first, last in ranges),
        conditions=tuple(_condition(codes.fields[i], codes.levels[i], first, last) for i, first, last in ranges),
        precision=float(found.precision),
        coverage=float(found.coverage),
        samples=scored,
        sought_precision=PRECISION,
    )


def _ranges(anchor: Iterable[str], codes: Codes) -> list[tuple[int, int, int]]:
    """Read alibi's rules on codes: for each its column, the first and the last code that it allows."""
    ranges = []
    for rule in anchor:
        match = _BEYOND.match(rule) or _RANGE.match(rule)
        if match is None:
            raise ValueError(f"alibi wrote the rule {rule!r}, which is none of the forms a < c0 <= b, c0 > a, c0 = a")
        parts, column = match.groupdict(), int(match["column"])
        last = len(codes.levels[column]) - 1
        if parts.get("sign") == "=":
            first = last = int(float(parts["code"]))
        else:
            above = parts["code"] if parts.get("sign") else parts["above"]
            first = int(float(above)) + 1 if above else 0
            last = int(float(parts["upto"])) if parts.get("upto") else last
        ranges.append((column, first, last))
    return ranges


def _condition(field: Field, levels: Levels, first: int, last: int) -> Condition:
    """Write the same for programs."""
    if last == 0:
        return Condition(input=field.name, given=False, missing=True)
    gap, first = first == 0 and field.nullable, max(first, 1)
    lowest, highest = json_values(levels[[first, last]], field)
    return Condition(
        input=field.name,
        low=lowest if first > 1 or first == last else None,
        high=highest if last < len(levels) - 1 or first == last else None,
        missing=gap,
    )


def _between(field: Field, levels: Levels, first: int, last: int) -> str:
    """Write that a value lies between two codes, both included; code 0 is a gap."""
    if last == 0:
        return f"{field.name} is missing"
    gap = f"{field.name} is missing or " if first == 0 and field.nullable else ""
    first = max(first, 1)
    lowest, highest = _written(levels[first], field), _written(levels[last], field)
    if first == last:
        return f"{gap}{field.name} = {highest}"
    if last == len(levels) - 1:
        return f"{field.name} is given" if first == 1 else f"{field.name} ≥ {lowest}"
    if first == 1:
        return f"{gap}{field.name} ≤ {highest}"
    return f"{lowest} ≤ {field.name} ≤ {highest}"


def _written(value: Any, field: Field) -> str:
    if field.kind in {"category", "date"}:
        return str(value)
    return f"{value:.0f}" if value == round(value) else f"{value:.4g}"

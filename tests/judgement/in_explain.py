"""Explain the examples of a bundle, and a model with a known rule, in the environment ``explain``; prints JSON."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from components.core.contracts import Columns, Field
from components.judgement import anchors
from components.judgement.codes import learn

FIELDS = (
    Field(name="amount", kind="float"),
    Field(name="bank", kind="category", nullable=True),
    Field(name="last_bad", kind="date", nullable=True),
)


class KnownRule:
    """Refuses large amounts of bank A and nothing else."""

    def probability(self, rows: Columns) -> Any:
        return ((rows["amount"] > 500) & (rows["bank"] == "A")).astype(float)

    def decide(self, probability: Any) -> Any:
        return (probability >= 0.5).astype(np.int64)


def known_rule() -> dict[str, Any]:
    random = np.random.default_rng(1)
    rows: Columns = {
        "amount": np.round(random.uniform(0, 1000, 400), 1),
        "bank": random.choice(np.array(["A", "B", None], dtype=object), 400),
        "last_bad": np.datetime64("2000-01-01") + random.integers(0, 1000, 400).astype("timedelta64[D]"),
    }
    one: Columns = {
        "amount": np.array([990.0]),
        "bank": np.array(["A"], dtype=object),
        "last_bad": np.array(["NaT"], dtype="datetime64[D]"),
    }
    codes = learn(FIELDS, [rows, one])
    found: dict[str, Any] = anchors.explain(KnownRule(), codes, rows, one, "refused", 3).model_dump()
    median = float(np.median(rows["amount"]))
    third_quartile = float(np.quantile(rows["amount"], 0.75))
    return {**found, "median": median, "third_quartile": third_quartile}


def words() -> list[tuple[str, dict[str, Any], list[bool]]]:
    """Rules in words, for programs, and which rows meet them."""
    gapless: Columns = {
        "amount": np.array([1.0, 2.5, 30000.0, 4e6]),
        "bank": np.array(["A", None, "B", "A"], dtype=object),
        "last_bad": np.array(["2001-02-03", "NaT", "2002-02-03", "2003-02-03"], dtype="datetime64[D]"),
    }
    codes = learn(FIELDS, [gapless])
    rules = [
        "c0 <= 2.25",
        "c0 <= 1.00",
        "c0 > 2.25",
        "1.25 < c0 <= 3.50",
        "2.25 < c0 <= 3.50",
        "c1 = 1",
        "c1 = 0",
        "c2 <= 0.00",
        "c2 <= 2.00",
        "c2 > 0.00",
        "c2 > 2.00",
    ]
    told = []
    for i, first, last in anchors._ranges(rules, codes):
        field, levels = codes.fields[i], codes.levels[i]
        condition = anchors._condition(field, levels, first, last)
        text = anchors._between(field, levels, first, last)
        told.append((text, condition.model_dump(exclude_defaults=True), condition.met(gapless[field.name]).tolist()))
    return told


explained = anchors.explain_examples(Path(sys.argv[1]))
print(
    json.dumps(
        {
            "declined": json.loads(anchors.AllAnchors.dump_json(anchors.explain_declined(Path(sys.argv[1]), 3))),
            "examples": json.loads(anchors.AllAnchors.dump_json(explained)),
            "known_rule": known_rule(),
            "words": words(),
        }
    )
)

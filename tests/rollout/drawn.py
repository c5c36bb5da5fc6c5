"""What a proxy and two servers leave behind, written down by hand: for tests of what is measured from it."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from components.rollout.placed import Seen
from components.rollout.plan import Metric, Plan
from components.rollout.proxied import in_order, kept, lines
from components.rollout.rescore import SCORES

START = datetime(2026, 1, 1, tzinfo=UTC)
OUTCOMES = {"request_id": pl.String(), "row": pl.Int64(), "label": pl.Int64()}


def plan(*metrics: Metric, strategy: str = "canary", **more: Any) -> Plan:
    steps = ({"weight": 20},) if strategy == "canary" else ()
    return Plan.model_validate(
        {"name": "p", "strategy": strategy, "use_case": "sba_loans", "metrics": metrics, "steps": steps, **more}
    )


def line(at: float, chosen: str | None = "stable", **changes: Any) -> dict[str, Any]:
    """One line of the access log; times in seconds after the start."""
    values: dict[str, Any] = {
        "at": f"{START.timestamp() + at:.6f}", "request_id": f"x{at}", "method": "POST",
        "path": "/v2/models/m/infer", "chosen": chosen, "answered": chosen, "candidate": 20, "mirror": "",
        "status": 200, "flags": "-", "duration_us": 3000, "waited_ms": 3, "attempts": 1,
    }  # fmt: skip
    return {**values, **changes}


def left(at: float, chosen: str = "stable", waited_ms: float = 100.0, **changes: Any) -> dict[str, Any]:
    """The line of a request that its client gave up on."""
    return line(at, chosen, status=0, flags="DC", duration_us=None, waited_ms=waited_ms, **changes)


def requests(records: Sequence[Mapping[str, Any]], sticky: bool = False, now: float = 60.0) -> pl.DataFrame:
    """What the proxy's log says in all."""
    frame = kept(lines("\n".join(json.dumps(r) for r in records).encode())).sort("place", maintain_order=True)
    return in_order(frame, START + timedelta(seconds=now), sticky)


def predictions(*rows: tuple[float, str, str, float]) -> pl.DataFrame:
    """Rows of (seconds after the start, request id, variant, probability)."""
    return pl.DataFrame(
        {
            "at": [START + timedelta(seconds=r[0]) for r in rows],
            "request_id": [r[1] for r in rows],
            "row": [0] * len(rows),
            "variant": [r[2] for r in rows],
            "probability": [r[3] for r in rows],
            "decision": [int(r[3] >= 0.5) for r in rows],
            "outlier": [r[3] > 0.8 for r in rows],
            "latency_ms": [100.0 if r[2] == "candidate" else 1.0 for r in rows],
        },
        schema_overrides={
            "at": pl.Datetime("us", "UTC"),
            "request_id": pl.String(),
            "row": pl.Int64(),
            "variant": pl.String(),
            "probability": pl.Float64(),
            "outlier": pl.Boolean(),
        },
    )


def seen(
    records: Sequence[Mapping[str, Any]] = (),
    rows: pl.DataFrame | None = None,
    labels: dict[str, int] | None = None,
    rescored: pl.DataFrame | None = None,
    now: float = 60.0,
) -> Seen:
    """What a look sees."""
    known = pl.DataFrame(
        {"request_id": list(labels or {}), "row": [0] * len(labels or {}), "label": list((labels or {}).values())},
        schema=OUTCOMES,
    )
    frame = predictions() if rows is None else rows
    again = pl.DataFrame(schema=SCORES) if rescored is None else rescored
    return Seen(requests(records, now=now), frame, known, again, START + timedelta(seconds=now))

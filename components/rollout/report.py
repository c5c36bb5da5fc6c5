"""The report of a rollout: one HTML page, generated from what was recorded, that needs no network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import yaml

from components.core.config import Settings
from components.core.ledger import Entry, Ledger
from components.rollout import charts, history
from components.rollout.controller import DECIDED, STARTED
from components.rollout.explain import headline
from components.rollout.guardrails import threshold
from components.rollout.history import History, Look
from components.rollout.plan import Plan
from components.rollout.readiness import needed
from components.rollout.store import Store

TEMPLATES = Path(__file__).parent / "templates"

MOST_LOOKS = 300
"""Rows in the table of all looks; of more, those that decided something and every k-th of the others."""


def write_report(store: Store, rollout: str, target: Path, settings: Settings) -> None:
    """Write the page; a rollout that is not over is reported as far as it is.

    Args:
        store: where it is recorded.
        rollout: its id.
        target: the page.
        settings: where the ledger is.

    Raises:
        FairleadError: there is no such rollout.
        IntegrityError: the ledger was tampered with.
    """
    known = history.read(store, rollout)
    looks = history.looks(store, rollout)
    ledger = Ledger(settings.ledger_path)
    ledger.verify()
    plan = known.rollout.plan
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters["number"] = _number
    page = environment.get_template("rollout.html").render(
        history=known,
        rollout=known.rollout,
        plan=plan,
        state=known.state,
        headline=headline(known.state),
        last=looks[-1].observation if looks else None,
        looks=_shown(looks),
        all_looks=len(looks),
        decisions=[look for look in looks if look.decision.kind != "hold"],
        harm_at=threshold(plan),
        safe_at=needed(plan),
        timeline=charts.timeline(looks) if looks else "",
        metrics=[(m, charts.metric(plan, m, looks), _last(looks, m.name)) for m in plan.metrics],
        plan_text=_plan_text(plan),
        entries=_entries(ledger, known),
        ledger=settings.ledger_path,
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")


def _shown(looks: Sequence[Look]) -> list[Look]:
    every = -(-len(looks) // MOST_LOOKS) or 1
    return [look for i, look in enumerate(looks) if look.decision.kind != "hold" or i % every == 0]


def _last(looks: Sequence[Look], name: str) -> Any:
    found = looks[-1].observation.evidence.get(name) if looks else None
    return found if found is not None and found.has_data else None


def _plan_text(plan: Plan) -> str:
    return yaml.safe_dump(plan.model_dump(mode="json", exclude_defaults=True), sort_keys=False, width=100)


def _entries(ledger: Ledger, known: History) -> list[Entry]:
    """Pick what the ledger tells of this rollout, and of the approval that its promotion rests on."""
    mine = [e for e in ledger.entries() if e.kind in (STARTED, DECIDED) and e.payload["rollout"] == known.rollout.id]
    approval = known.state.approval
    if approval is None:
        return mine
    about = ("approval.requested", "approval.given", "registry.promoted")
    others = [
        e for e in ledger.entries() if e.kind in about and approval in (e.payload.get("id"), e.payload.get("approval"))
    ]
    return sorted(mine + others, key=lambda e: e.number)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if 999.5 <= abs(value) < 1e7 else f"{value:.3g}"

"""The full card: what is signed in the bundle, and what became of it since."""

import json
from html.parser import HTMLParser

import pytest

from components.core.errors import IntegrityError
from components.core.ledger import Ledger
from components.governance.full_card import FullCard, full_card
from components.registry import approvals
from components.registry.registry import Registry
from tests.cards import METRICS
from tests.registry.conftest import GATES, empty_store, settings, smoke

__all__ = ["empty_store", "settings", "smoke"]


@pytest.fixture
def promoted(signed_bundle, settings, smoke):
    """A version that was registered, approved, promoted and rolled out."""
    registry = Registry(settings)
    registry.register(signed_bundle, "sba_loans", METRICS, GATES, smoke, {"max_depth": 4})
    asked = registry.request("sba_loans", 1)
    approvals.approve(settings, asked.id, "seen by two | people")
    registry.promote("sba_loans", 1, asked.id)
    ledger = Ledger(settings.ledger_path)
    ledger.append("rollout.started", {"rollout": "r1", "stable": "models:/sba_loans/1", "candidate": "x"}, "ada")
    ledger.append("rollout.decided", {"rollout": "r1", "kind": "promote", "decision": "r1#2"}, "ada")
    ledger.append("rollout.started", {"rollout": "r2", "stable": "models:/sba_loans/7", "candidate": "x"}, "ada")
    return registry.version("sba_loans", 1)


def test_gates_approvals_and_lineage_are_those_on_record(promoted, signed_bundle, settings):
    card = full_card(settings, promoted, signed_bundle)
    assert [g.gate for g in card.gates] == ["auc_floor", "card"]
    (approval,) = card.approvals
    assert (approval.state, approval.reason) == ("used", "seen by two | people")
    assert [e.what for e in card.lineage] == [
        "registry.registered",
        "approval.requested",
        "approval.given",
        "registry.promoted",
        "rollout.started",
        "rollout.decided (promote)",
    ]
    assert card.card.contract == promoted.contract


def test_in_markdown_the_signed_part_comes_first_and_the_record_after_it(promoted, signed_bundle, settings):
    text = full_card(settings, promoted, signed_bundle).to_markdown()
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles[0] == "## Intended use"
    assert titles[-4:] == ["## Version", "## Gates", "## Approvals", "## Lineage"]
    assert "they are decided after this card is signed" not in text
    assert "seen by two \\| people" in text
    assert promoted.digest in text


def test_the_page_is_whole_and_loads_nothing(promoted, signed_bundle, settings):
    page = full_card(settings, promoted, signed_bundle).to_html()
    seen: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            seen.append(tag)
            assert not {"src", "href"} & {name for name, _ in attrs}

    Reader().feed(page)
    assert {"h1", "h2", "table"} <= set(seen)
    for said in ("Why a case is declined", "0.654 [0.6, 0.7]", "seen by two", "rollout.decided (promote)", "Datasheet"):
        assert said in page


def test_for_machines_it_is_json_that_reads_back(promoted, signed_bundle, settings):
    card = full_card(settings, promoted, signed_bundle)
    assert FullCard.model_validate_json(card.to_json()) == card
    assert json.loads(card.to_json())["version"] == 1


def test_a_ledger_that_was_tampered_with_gives_no_card(promoted, signed_bundle, settings):
    content = settings.ledger_path.read_bytes()
    settings.ledger_path.write_bytes(content.replace(b"seen by two", b"seen by 222"))
    with pytest.raises(IntegrityError, match="does not fit the chain"):
        full_card(settings, promoted, signed_bundle)

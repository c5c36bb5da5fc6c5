"""A home in which one version reigns, and a use case that is quick to train anew: for tests of decisions."""

from datetime import date

import pytest

from components.core.use_case import SHIPPED
from components.registry import approvals
from components.registry.registry import Registry
from tests.registry.conftest import empty_store, register, settings, smoke, variant
from tests.retraining.found import drifted, findings

__all__ = ["empty_store", "register", "reigning", "settings", "smoke", "use_case_file", "variant"]

NOW = date(2009, 6, 30)
"""Half a year after the training date of the bundle that is registered."""

RETRAINING = "\nretraining: {cool_down_days: 30, minimum_new_labels: 0, immature: weigh}\n"


@pytest.fixture
def reigning(settings, register, variant):
    """Settings of a home in which version 1 reigns."""
    register(variant("one"))
    asked = Registry(settings).request("sba_loans", 1)
    approvals.approve(settings, asked.id, "the first one")
    Registry(settings).promote("sba_loans", 1, asked.id)
    return settings


@pytest.fixture
def use_case_file(tmp_path):
    """The use case that ships, with a retraining section of its own."""
    text = (SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8").partition("\nretraining:")[0]
    path = tmp_path / "sba_loans.yaml"
    path.write_text(text + RETRAINING, encoding="utf-8")
    return path


def found(effect=0.5, **changes):
    """Findings of a look in which one feature drifted."""
    return findings([drifted("bank_rate", effect)], **{"now": NOW, **changes})

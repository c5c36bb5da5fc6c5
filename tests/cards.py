"""Whole model cards for bundles that tests register."""

from pathlib import Path

from components.core.contracts import Contract, Estimate, SliceMetrics
from components.core.judging import CHECKS
from components.core.use_case import UseCase
from components.data.quarantine import QuarantineReport
from components.judgement.check_report import Chart, CheckReport, Figure, Table
from components.judgement.model_card import ModelCard, model_card
from components.training.labels import LabelReport

RATE = Figure(name="selection_rate", of="sex=female", estimate=Estimate(value=0.6543, low=0.6, high=0.7, n=321))
REPORTS = tuple(
    CheckReport(
        check=name,
        summary=("Women and men are treated alike.",),
        figures=(RATE,),
        meanings={"selection_rate": "share of good decisions"},
        tables=(Table(title="Groups", header=("group", "rows"), rows=(("sex=female", "321"),)),),
        charts=(Chart(title="Rates", svg="<svg></svg>"),),
    )
    if name == "fairness"
    else CheckReport(check=name, omitted=f"no {name} here")
    for name in CHECKS
)
"""Of every check one: one that was made, the others left out with a reason."""

METRICS = [
    SliceMetrics(dataset="test", slice="all", metrics={"auc": Estimate(value=0.7123, low=0.65, high=0.75, n=1920)})
]


def quarantine_of(labels: LabelReport) -> QuarantineReport:
    """Make the report of row checks that fits a report of labels: three rows were set aside."""
    return QuarantineReport(
        rows=labels.rows + 3,
        kept=labels.rows,
        quarantined=3,
        share=3 / (labels.rows + 3),
        limit=0.05,
        by_rule={"LowDoc in (N, Y)": 3},
        by_column={"LowDoc": 3},
    )


def card_of(draft: Path, use_case: UseCase, labels: LabelReport) -> ModelCard:
    """Make the whole card of a draft."""
    contract = Contract.read(draft / "contract.json")
    return model_card(use_case, contract, labels, quarantine_of(labels), METRICS, REPORTS)

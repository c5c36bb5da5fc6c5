"""The model card: what a model is for, what it was made from and how good it is, written from records alone."""

import re
from collections.abc import Sequence
from datetime import date

from pydantic import BaseModel, ConfigDict

from components.core.contracts import Contract, Field, SliceMetrics
from components.core.errors import FairleadError
from components.core.judging import CHECKS, TITLES
from components.core.use_case import Exclusion, UseCase
from components.core.watching import Window
from components.data.datasheet import datasheet
from components.data.quarantine import QuarantineReport
from components.judgement.check_report import CheckReport
from components.judgement.check_text import check_lines, markdown_table
from components.training.labels import LabelReport, SplitReport
from components.training.splits import TEST


class ModelCard(BaseModel):
    """What a bundle says of itself.

    It is part of what is signed, so it is written before the gates decide: their results, the approval and the
    version are kept by the registry. Equal records give an equal card.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    name: str
    title: str
    owner: str
    intended_use: str
    limits: tuple[str, ...]
    source: str
    event_time: str
    outcome: str
    outcome_time: str
    excluded: tuple[Exclusion, ...]
    """Columns that the model must not see, and why."""
    cost_false_negative: float
    cost_false_positive: float
    contract: Contract
    quarantine: QuarantineReport
    labels: LabelReport
    metrics: tuple[SliceMetrics, ...]
    outliers: str = ""
    """What the outlier detector was fitted on, in words; empty without one."""
    window: Window = Window()
    """Which rows it learned from."""
    datasheet: str = ""
    """Where the table comes from and who is in it, as Markdown."""
    checks: tuple[CheckReport, ...] = ()
    """What each check found; drawings are left to the run's report."""

    def to_markdown(self) -> str:
        """Write the card for people, as Markdown."""
        sections = [
            ("Intended use", [self.intended_use]),
            ("Limits", [f"- {limit}" for limit in self.limits]),
            ("Model", self._model()),
            ("Data", self._data()),
            ("Labels and splits", self._labels()),
            ("Inputs", _inputs(self.contract.inputs)),
            ("Columns left out", markdown_table(["column", "reason"], [[e.column, e.reason] for e in self.excluded])),
            *((f"Metrics: {name}", _metrics(self.metrics, name)) for name in self._datasets()),
            *((TITLES[report.check], check_lines(report)) for report in self.checks),
            ("Datasheet", [_demoted(self.datasheet)]),
            (
                "Gates and approval",
                ["Kept with the version in the registry: they are decided after this card is signed."],
            ),
        ]
        head = f"# {self.name}\n\n{self.title}\n"
        return "\n".join([head, *("\n".join([f"## {title}", "", *lines, ""]) for title, lines in sections)])

    def _datasets(self) -> list[str]:
        return list(dict.fromkeys(m.dataset for m in self.metrics))

    def _model(self) -> list[str]:
        contract = self.contract
        return [
            f"- algorithm: {contract.algorithm}",
            f"- as of: {contract.as_of}; nothing known later went into it",
            f"- decision: 1 where the probability is {contract.threshold:.4g} or more, from the costs "
            f"{self.cost_false_negative:g} of a missed bad row and {self.cost_false_positive:g} of a good row flagged",
            f"- features: {', '.join(contract.features)}",
            f"- outliers: {self.outliers or 'no detector'}",
            f"- transform: `{contract.transform_fingerprint}`",
            f"- code: `{contract.code_fingerprint}`",
            f"- environment lock: `{contract.environment_lock}`",
            f"- owner: {self.owner or 'not stated'}",
        ]

    def _data(self) -> list[str]:
        found = self.quarantine
        rules = [[rule, str(count)] for rule, count in found.by_rule.items()]
        return [
            f"- source: {self.source}",
            f"- sha256: `{self.contract.data_hash}`",
            f"- rows: {found.rows}, of which {found.quarantined} ({found.share:.2%}; limit {found.limit:.2%}) were set "
            "aside for breaking an expectation",
            f"- repaired: {found.repaired} rows, from a table with sha256 `{found.repaired_sha256}`"
            if found.repaired_sha256
            else "- repaired: no rows",
            "",
            *markdown_table(["expectation", "rows that break it"], rules),
        ]

    def _labels(self) -> list[str]:
        labels = self.labels
        expected = ["bad, expected"] if labels.weighed else []
        splits = [
            [
                name,
                str(s.rows),
                str(s.bad),
                *(_expected(s) for _ in expected),
                f"{_day(s.first_day)} to {_day(s.last_day)}",
            ]
            for name, s in labels.splits.items()
        ]
        return [
            f"- bad: `{self.outcome}` is 1 and `{self.outcome_time}` came within {labels.maturity_months} months of "
            f"`{self.event_time}`; good: that time passed without",
            _immature(labels),
            f"- training window: {self.window}; {labels.too_old} rows were older and were left out",
            "- the backtest is the year after the training date, labelled in hindsight",
            "",
            *markdown_table(["split", "rows", "bad", *expected, f"`{self.event_time}`"], splits),
        ]


def model_card(
    use_case: UseCase,
    contract: Contract,
    labels: LabelReport,
    quarantine: QuarantineReport,
    metrics: Sequence[SliceMetrics],
    checks: Sequence[CheckReport],
    outliers: str = "",
) -> ModelCard:
    """Make the card of one model from its records.

    Args:
        use_case: says what the model is for and its limits.
        contract: of the bundle that the card goes into.
        labels: report of ``label_rows``.
        quarantine: report of ``check_rows``.
        metrics: of all slices; those of the whole test split come first and must be there.
        checks: reports of all checks, those left out with a reason among them.
        outliers: what the bundle's outlier detector was fitted on, if it has one.

    Raises:
        FairleadError: a section would be empty, or the records are not all of one model; names what disagrees.
    """
    wrong = _differences(use_case, contract, labels, quarantine)
    if wrong:
        raise FairleadError(f"the model card's records are not of one model: {'; '.join(wrong)}; take all from one run")
    card = ModelCard(
        name=use_case.name,
        title=use_case.title,
        owner=use_case.owner,
        intended_use=use_case.intended_use,
        limits=use_case.limits,
        source=use_case.data.source,
        event_time=use_case.data.event_time,
        outcome=use_case.labels.outcome,
        outcome_time=use_case.labels.outcome_time,
        excluded=use_case.features.exclude,
        cost_false_negative=use_case.training.cost_false_negative,
        cost_false_positive=use_case.training.cost_false_positive,
        contract=contract,
        quarantine=quarantine,
        labels=labels,
        metrics=tuple(metrics),
        outliers=outliers,
        window=use_case.training.window,
        datasheet=datasheet(use_case.data),
        checks=tuple(report.model_copy(update={"charts": (), "data": {}}) for report in checks),
    )
    missing = missing_sections(card)
    if missing:
        raise FairleadError(f"the model card would lack {', '.join(missing)}; hand in the record of that step")
    return card


def _differences(use_case: UseCase, contract: Contract, labels: LabelReport, quarantine: QuarantineReport) -> list[str]:
    pairs = [
        ("use case", use_case.name, "contract's model", contract.model),
        ("contract's as_of", contract.as_of, "labels' as_of", labels.as_of.isoformat()),
        ("rows kept by quarantine", quarantine.kept, "rows that were labelled", labels.rows),
        ("use case's maturity", use_case.labels.maturity_months, "labels' maturity", labels.maturity_months),
    ]
    return [f"{a} is {x!r} but {b} is {y!r}" for a, x, b, y in pairs if x != y]


def missing_sections(card: ModelCard) -> list[str]:
    """Name the sections that a card lacks, in words; a model is registered with none missing."""
    whole = [m for m in card.metrics if (m.dataset, m.slice) == (TEST, "all") and m.metrics]
    made = {report.check for report in card.checks}
    found: dict[str, object] = {"the splits": card.labels.splits, f"the metrics of {TEST}/all": whole}
    found["the datasheet (data.datasheet in the use case)"] = card.datasheet
    found |= {f"the check {name!r} (or a reason for its absence in judgement.omit)": name in made for name in CHECKS}
    return [name for name, value in found.items() if not value]


def _immature(labels: LabelReport) -> str:
    waiting = f"- {labels.immature} rows up to {labels.as_of} had not had that time"
    bad = f"{labels.immature_bad} of them already bad"
    if not labels.weighed:
        return f"{waiting} and were left out, {bad}"
    return (
        f"{waiting}, {bad}; {labels.weighed} of them take part with the outcomes known so far, weighted for those not "
        f"known yet by how older rows' came in, and {labels.immature - labels.weighed} were left out"
    )


def _expected(split: SplitReport) -> str:
    return "not measured" if split.expected_bad is None else f"{split.expected_bad:.1f}"


def _inputs(fields: Sequence[Field]) -> list[str]:
    return markdown_table(
        ["input", "kind", "may be missing", "allowed"],
        [[f.name, f.kind, "yes" if f.nullable else "no", _domain(f)] for f in fields],
    )


def _domain(field: Field) -> str:
    if field.values is not None:
        return ", ".join(field.values)
    if field.earliest is not None:
        return f"from {field.earliest}"
    low, high = ("" if v is None else f"{v:.15g}" for v in (field.minimum, field.maximum))
    if low and high:
        return f"{low} to {high}"
    return f"from {low}" if low else f"up to {high}" if high else "any"


def _metrics(metrics: Sequence[SliceMetrics], dataset: str) -> list[str]:
    """Lay one data set's metrics out, one row for each slice; intervals are 95 %."""
    chosen = [m for m in metrics if m.dataset == dataset]
    names = list(dict.fromkeys(name for m in chosen for name in m.metrics))
    rows = [[m.slice, *(str(m.metrics[n]) if n in m.metrics else "not measured" for n in names)] for m in chosen]
    return markdown_table(["slice", *names], rows)


def _day(day: date | None) -> str:
    return "none" if day is None else day.isoformat()


def _demoted(markdown: str) -> str:
    """Put the headings of a text two levels lower, so that it fits below one of ours."""
    return re.sub(r"^#", "###", markdown, flags=re.MULTILINE)

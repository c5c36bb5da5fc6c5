"""Packaging: a draft becomes the sealed bundle, with a model card made from the records of its run."""

from collections.abc import Sequence
from pathlib import Path

from components.core.config import Settings
from components.core.contracts import Contract
from components.core.use_case import UseCase
from components.data.quarantine import QuarantineReport
from components.judgement.checks import read_reports
from components.judgement.model_card import model_card
from components.training.evaluate import AllMetrics
from components.training.labels import LabelReport
from components.training.outliers import FILE as OUTLIERS
from components.training.outliers import Outliers
from components.training.sealing import seal


def package(
    use_case: UseCase,
    draft: Path,
    rows: Path,
    labels: Path,
    slices: Path,
    *,
    checks: Sequence[Path],
    settings: Settings,
    card: Path,
    target: Path,
) -> str:
    """Write the model card, put it into the bundle and sign; return the sha256 that names the bundle.

    Args:
        use_case: what the model is for.
        draft: what the training step wrote.
        rows: report of the row checks.
        labels: report of the labels.
        slices: the candidate's metrics.
        checks: reports of the checks, one each.
        settings: where the keys are.
        card: where to write the card by itself, as Markdown.
        target: the bundle to make.

    Raises:
        FairleadError: the records are not all of one model, or a section of the card would be empty.
        IntegrityError: the draft was changed since it was written.
    """
    made = model_card(
        use_case,
        Contract.read(draft / "contract.json"),
        LabelReport.model_validate_json(labels.read_bytes()),
        QuarantineReport.model_validate_json(rows.read_bytes()),
        AllMetrics.validate_json(slices.read_bytes()),
        read_reports(checks),
        outliers=str(Outliers.read(draft / OUTLIERS)) if (draft / OUTLIERS).exists() else "",
    )
    card.write_text(made.to_markdown(), encoding="utf-8")
    text = made.model_dump_json(indent=1) + "\n"
    return seal(draft, made.to_markdown(), text, settings.signing_key, settings.verify_key, target)

"""What a bundle has to bring before it may be registered: signature, whole card, passed gates, smoke test."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from components.core.contracts import Contract, GateResult
from components.core.errors import FairleadError, IntegrityError
from components.judgement import gates as judgement
from components.judgement.model_card import ModelCard, missing_sections
from components.training import signing
from components.training.bundle import Bundle


def require_evidence(
    bundle: Path, use_case: str, gates: Sequence[GateResult], smoke: Path, verify_key: Path
) -> Contract:
    """Return the bundle's contract when the bundle may be registered.

    Args:
        bundle: a signed bundle.
        use_case: the model it has to be.
        gates: what the gates found.
        smoke: report of the smoke test, JSON.
        verify_key: public key, PEM.

    Raises:
        GateFailed: a blocking gate has not passed, or nothing was judged; carries the table.
        IntegrityError: the signature does not verify, or the bundle is not what its contract says.
        FairleadError: the smoke test is missing, scored nothing or was of another bundle, the bundle is of another
            use case, or a section of its model card is missing.
    """
    judgement.require(gates)
    signing.verify(bundle, verify_key)
    opened = Bundle.open(bundle)
    contract = opened.contract
    _require_card(bundle, contract)
    if contract.model != use_case:
        raise FairleadError(f"bundle {bundle} is a model of {contract.model!r}, not of {use_case!r}; register it there")
    _require_smoke(smoke, opened.version())
    return contract


def _require_card(bundle: Path, contract: Contract) -> None:
    path = bundle / "model_card.json"
    try:
        card = ModelCard.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise FairleadError(
            f"bundle {bundle} has no whole model card ({path.name}: {error}); package it again from its run's records"
        ) from error
    missing = missing_sections(card)
    if missing:
        raise FairleadError(
            f"the model card of {bundle} lacks {', '.join(missing)}; a model is registered with all of it"
        )
    if card.contract != contract:
        raise IntegrityError(f"the model card of {bundle} is of another model; package it again from its own records")


def _require_smoke(path: Path, version: str) -> None:
    if not path.is_file():
        raise FairleadError(f"no smoke test report at {path}; a bundle is registered after it was served and scored")
    try:
        report: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise IntegrityError(f"smoke test report {path} is not JSON: {error}") from error
    rows, served = (report.get("rows"), report.get("version")) if isinstance(report, dict) else (None, None)
    if not isinstance(rows, int) or rows < 1:
        raise FairleadError(f"smoke test report {path} has rows={rows!r}; expected at least one row that was scored")
    if served != version:
        raise FairleadError(
            f"smoke test report {path} is of model {served!r}, the bundle is {version!r}; smoke-test this bundle"
        )

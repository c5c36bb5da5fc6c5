"""Provenance: is a model ours, by its signature, by the records, and by its answers."""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np
from pydantic import BaseModel, ConfigDict

from components.core.config import Settings
from components.core.contracts import Columns, Contract, FloatArray
from components.core.errors import FairleadError, IntegrityError
from components.core.ledger import Ledger
from components.core.use_case import UseCase, load
from components.features.rows import number_of_rows
from components.judgement.watermark.reading import reading
from components.judgement.watermark.verification import Match, Score
from components.registry.approvals import REGISTERED
from components.registry.store import digest, fetch
from components.training import signing
from components.training.bundle import Bundle
from components.training.v2_request import v2_body

ROWS = 1_000
"""Rows of one request to a server."""
SECONDS = 60.0
"""How long one request may take."""


class Finding(BaseModel):
    """What one kind of evidence says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    says: Literal["yes", "no", "nothing"]
    reason: str


class Provenance(BaseModel):
    """What all evidence says of one model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    signature: Finding
    """By our key, and nothing changed since."""
    records: Finding
    """Its digest stands in the ledger, as that of a version that was registered."""
    watermark: Finding
    """Its answers agree with the coins of our key."""
    match: Match | None = None

    @property
    def is_ours(self) -> bool:
        """Whether the signature or the watermark shows it; a name in the records alone shows nothing of the bytes."""
        return "yes" in (self.signature.says, self.watermark.says)

    @property
    def conclusion(self) -> str:
        """Say it in a sentence."""
        if self.signature.says == "yes":
            registered = ", and registered" if self.records.says == "yes" else "; it was not registered here"
            return f"ours, unchanged since it was signed{registered}"
        if self.watermark.says == "yes":
            return "ours by its answers: the model, or one that was made of it, without our signature"
        return "not shown to be ours"


def of_bundle(uri: str, settings: Settings, use_case: str = "", against: str = "") -> Provenance:
    """Look for all evidence on a bundle.

    A bundle whose files are not those of its own checksums is not opened, so its answers say nothing; serve the model
    by other means and give the server's URL.

    Args:
        uri: a directory, ``gs://…``, ``s3://…`` or ``models:/…``.
        settings: keys, registry, ledger.
        use_case: of the model, name or YAML file; empty takes the name in its contract.
        against: bundle of ours whose mark is looked for; empty takes the mark that the bundle says it bears.

    Raises:
        FairleadError: there is no such bundle, or a key cannot be read.
    """
    nothing = Finding(says="nothing", reason="a changed bundle is not opened")
    try:
        folder = fetch(uri, settings.home / "fetched", settings)
        opened = Bundle.open(folder, same_code=False)
    except IntegrityError as error:
        changed = Finding(says="no", reason=str(error))
        return Provenance(target=uri, signature=changed, records=nothing, watermark=nothing)
    found, match = _by_answers(_ours(against, settings) or opened, opened.probability, settings, use_case)
    return Provenance(
        target=uri,
        signature=_signed(folder, settings),
        records=_recorded(digest(folder), settings),
        watermark=found,
        match=match,
    )


def of_endpoint(url: str, settings: Settings, against: str, model: str = "", use_case: str = "") -> Provenance:
    """Ask a model server for the mark of one of our bundles; it speaks V2 and answers ``probability``.

    Rows of the bundle's background, each with one number moved, are sent to it: mind who runs it.

    Args:
        url: the server's root.
        settings: where keys and registry are.
        against: bundle of ours.
        model: name under which it is served; empty takes the bundle's.
        use_case: of our bundle, name or YAML file; empty takes the name in its contract.

    Raises:
        FairleadError: no bundle is named, the server does not answer as it should, or a key cannot be read.
    """
    ours = _ours(against, settings)
    if ours is None:
        raise FairleadError(
            "a server shows no files, so its answers are held against a bundle of ours: name it with --against, for "
            "example models:/card_default@champion"
        )
    served = Endpoint(url, model or ours.contract.model, ours.contract)
    found, match = _by_answers(ours, served.probability, settings, use_case)
    nothing = Finding(says="nothing", reason="a server shows answers and no files")
    return Provenance(target=url, signature=nothing, records=nothing, watermark=found, match=match)


class Endpoint:
    """A model behind the V2 protocol.

    Args:
        url: root of the server, http or https.
        model: name under which it is served.
        contract: what requests have to carry.
    """

    def __init__(self, url: str, model: str, contract: Contract) -> None:
        if urlsplit(url).scheme not in {"http", "https"}:
            raise FairleadError(f"{url!r} is no URL of a model server; give http://HOST:PORT or https://HOST")
        self._url = f"{url.rstrip('/')}/v2/models/{model}/infer"
        self._contract = contract

    def probability(self, rows: Columns) -> FloatArray:
        """Ask about n rows; returns shape (n,).

        Raises:
            FairleadError: no answer, an error, or an answer without one probability for each row.
        """
        starts = range(0, number_of_rows(rows), ROWS)
        parts = [self._ask({name: values[at : at + ROWS] for name, values in rows.items()}) for at in starts]
        return np.array([value for part in parts for value in part], dtype=np.float64)

    def _ask(self, rows: Columns) -> Sequence[float]:
        body = v2_body(rows, self._contract.inputs, entities=self._contract.entities)
        call = urllib.request.Request(  # noqa: S310  its scheme was checked
            self._url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(call, timeout=SECONDS) as response:  # noqa: S310  as above
                answer: Any = json.load(response)
            (found,) = [output["data"] for output in answer["outputs"] if output["name"] == "probability"]
        except urllib.error.HTTPError as error:
            with error:
                told = error.read(500).decode(errors="replace")
            raise FairleadError(f"{self._url} answered {error.code}: {told}") from error
        except OSError as error:
            raise FairleadError(f"{self._url} does not answer: {error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise FairleadError(
                f"{self._url} gave no tensor 'probability' in its answer, from which a mark is read: {error!r}"
            ) from error
        return list(found)


def _ours(against: str, settings: Settings) -> Bundle | None:
    if not against:
        return None
    return Bundle.open(fetch(against, settings.home / "fetched", settings), same_code=False)


def _by_answers(marked: Bundle, score: Score, settings: Settings, use_case: str) -> tuple[Finding, Match | None]:
    case: UseCase = load(use_case or marked.contract.model)
    found = reading(marked, case, settings.watermark_key)
    if isinstance(found, str):
        return Finding(says="nothing", reason=found), None
    match = found.match(score)
    level = case.judgement.watermark.maximum_false_positive
    chance = f"chance of so many without our key: {match.false_positive:.1e}, allowed: {level:g}"
    told = f"{match.agreeing} of {match.marks} marks agree; {chance}"
    return Finding(says="yes" if match.is_ours(level) else "no", reason=told), match


def _signed(folder: Path, settings: Settings) -> Finding:
    if not settings.verify_key.exists():
        return Finding(says="nothing", reason="there is no verify key here (FAIRLEAD_VERIFY_KEY)")
    try:
        signing.verify(folder, settings.verify_key)
    except IntegrityError as error:
        return Finding(says="no", reason=str(error))
    return Finding(says="yes", reason="signed by our key, and unchanged since")


def _recorded(name: str, settings: Settings) -> Finding:
    ledger = Ledger(settings.ledger_path)
    ledger.verify()
    for entry in ledger.entries(REGISTERED):
        if entry.payload["digest"] == name:
            version = f"version {entry.payload['version']} of {entry.payload['use_case']}"
            return Finding(says="yes", reason=f"{version}, registered by {entry.actor} at {entry.at}")
    return Finding(says="no", reason=f"no version with the digest {name[:12]}… stands in the ledger")

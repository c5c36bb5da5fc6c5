"""The full model card of a registered version: what is signed in its bundle, and what became of it since."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from components.core.config import Settings
from components.core.contracts import GateResult
from components.core.judging import TITLES
from components.core.ledger import Entry, Ledger
from components.governance.report import TEMPLATES
from components.judgement.check_text import markdown_table
from components.judgement.model_card import ModelCard
from components.judgement.page import environment
from components.judgement.text_table import number
from components.registry.approvals import Approval, approvals
from components.registry.version import Version


class Event(BaseModel):
    """One entry of the ledger that is about the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    at: str
    actor: str
    what: str
    """Kind of the entry, ``registry.promoted`` for example."""
    hash: str


class FullCard(BaseModel):
    """Everything that is on record of one version; equal records give an equal card."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    card: ModelCard
    """As it is signed in the bundle."""
    version: int
    aliases: tuple[str, ...]
    digest: str
    uri: str
    run_id: str | None
    registered_by: str
    registered_at: str
    parameters: dict[str, str]
    gates: tuple[GateResult, ...]
    approvals: tuple[Approval, ...]
    lineage: tuple[Event, ...]
    """The ledger's entries about these bytes, and about rollouts that they took part in, in order."""

    def to_json(self) -> str:
        """Write for machines."""
        return self.model_dump_json(indent=1)

    def to_markdown(self) -> str:
        """Write for people."""
        gates = [[g.gate, g.check, number(g.threshold), number(g.value), g.verdict, g.reason] for g in self.gates]
        given = [
            [a.id, a.state, a.requested_by, a.decided_by or "", a.decided_at or "", a.reason] for a in self.approvals
        ]
        events = [[str(e.number), e.at, e.actor, e.what, f"`{e.hash[:12]}…`"] for e in self.lineage]
        origin = [
            f"- version {self.version}, {', '.join(self.aliases) or 'no alias'}; registered by {self.registered_by} on "
            f"{self.registered_at}",
            f"- bundle: `{self.uri}`, digest `{self.digest}`",
            f"- data `{self.card.contract.data_hash}` → run `{self.run_id or 'none'}` → model `{self.digest}`",
            f"- parameters: {', '.join(f'{k} {v}' for k, v in sorted(self.parameters.items()))}",
        ]
        sections = [
            ("Version", origin),
            ("Gates", markdown_table(["gate", "check", "threshold", "value", "verdict", "reason"], gates)),
            ("Approvals", markdown_table(["id", "state", "asked by", "decided by", "on", "reason"], given)),
            ("Lineage", markdown_table(["entry", "at", "by", "what", "hash"], events)),
        ]
        # In the bundle these are said to be in the registry; here they follow.
        signed = self.card.to_markdown().partition("## Gates and approval")[0].rstrip()
        return "\n\n".join([signed, *(f"## {title}\n\n" + "\n".join(lines) for title, lines in sections)]) + "\n"

    def to_html(self) -> str:
        """Write as a page that needs no network."""
        return environment(TEMPLATES).get_template("card.html").render(full=self, card=self.card, titles=TITLES)


def full_card(settings: Settings, version: Version, bundle: Path) -> FullCard:
    """Gather what is on record of a version.

    Args:
        settings: where the ledger is.
        version: from the registry.
        bundle: its bundle, verified.

    Raises:
        IntegrityError: the ledger was tampered with.
    """
    ledger = Ledger(settings.ledger_path)
    ledger.verify()
    return FullCard(
        card=ModelCard.model_validate_json((bundle / "model_card.json").read_bytes()),
        version=version.version,
        aliases=version.aliases,
        digest=version.digest,
        uri=version.uri,
        run_id=version.run_id,
        registered_by=version.registered_by,
        registered_at=version.created,
        parameters=version.parameters,
        gates=version.gates,
        approvals=tuple(a for a in approvals(settings, version.use_case) if a.digest == version.digest),
        lineage=tuple(_event(e) for e in _about(ledger.entries(), version)),
    )


def _about(entries: list[Entry], version: Version) -> list[Entry]:
    """Pick the entries that name the bundle's digest, and those of rollouts that it took part in."""
    names = {version.digest, version.uri, version.model_uri}
    rollouts = {
        e.payload["rollout"]
        for e in entries
        if "rollout" in e.payload and names & {str(e.payload.get("stable")), str(e.payload.get("candidate"))}
    }
    return [e for e in entries if e.payload.get("digest") == version.digest or e.payload.get("rollout") in rollouts]


def _event(entry: Entry) -> Event:
    kind = str(entry.payload.get("kind", ""))
    what = f"{entry.kind} ({kind})" if kind else entry.kind
    return Event(number=entry.number, at=entry.at, actor=entry.actor, what=what, hash=entry.hash)

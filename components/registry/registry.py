"""The model registry: versions, aliases, and promotion by approval."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from components.core.access import read_access
from components.core.artifacts import one_at_a_time
from components.core.config import Settings
from components.core.contracts import GateResult, SliceMetrics
from components.core.errors import IntegrityError, unknown
from components.core.ledger import Entry, Ledger
from components.registry import approvals, store
from components.registry.approvals import PROMOTED, REGISTERED, Approval
from components.registry.client import MlflowException, ModelVersion, client
from components.registry.evidence import require_evidence
from components.registry.version import Version, from_mlflow, to_tags

CHAMPION, CHALLENGER, ARCHIVED = "champion", "challenger", "archived"
"""The model in charge; the latest one registered; the champion before this one, to roll back to.

An alias belongs to one version at a time. Every former champion keeps the tag ``archived_at``.
"""


class Registry:
    """Versions of each use case's model, on MLflow's registry.

    Args:
        settings: where the registry, the bundle store and the ledger are, and who acts.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._mlflow = client(settings)
        self._ledger = Ledger(settings.ledger_path)

    def register(
        self,
        bundle: Path,
        use_case: str,
        metrics: Sequence[SliceMetrics],
        gates: Sequence[GateResult],
        smoke: Path,
        parameters: Mapping[str, object],
        run_id: str | None = None,
    ) -> Version:
        """Register a signed bundle as the challenger; registering it again returns the version that is there.

        The order is: keep the bundle, make the version with all its tags at once, give it the alias ``challenger``,
        write the ledger. Killed anywhere and run again, it goes on where it stopped.

        Args:
            bundle: the directory.
            use_case: name of the registered model.
            metrics: of the candidate.
            gates: what the gates found; every blocking one has to have passed.
            smoke: report of the smoke test, JSON.
            parameters: that it was trained with.
            run_id: of the MLflow run, see ``components.registry.tracking``.

        Raises:
            GateFailed: a blocking gate has not passed, or nothing was judged.
            IntegrityError: the signature does not verify.
            FairleadError: the smoke test is missing or failed, or the actor may not register.
        """
        read_access(self.settings).require(self.settings.actor, "register")
        contract = require_evidence(bundle, use_case, gates, smoke, self.settings.verify_key)
        digest = store.digest(bundle)
        uri = store.put(bundle, self.settings.bundle_store)
        self._make_model(use_case)
        if not self._with_digest(use_case, digest):
            tags = to_tags(digest, contract, parameters, metrics, gates, self.settings.actor)
            self._mlflow.create_model_version(
                use_case, uri, run_id=run_id, tags=tags, description=_headline(metrics), await_creation_for=0
            )
        version = self._settle(use_case, digest)
        self._record(version)
        return self.version(use_case, version.version)

    def versions(self, use_case: str) -> list[Version]:
        """List the versions of a model that can be read, oldest first; empty for a model never registered.

        Those that cannot be read are in ``unreadable``: one broken version must not hide the others.
        """
        return self._read(use_case)[0]

    def unreadable(self, use_case: str) -> list[str]:
        """Say, in words, which versions cannot be read, and the way out; an empty list is good news."""
        return self._read(use_case)[1]

    def version(self, use_case: str, which: int | str) -> Version:
        """Return one version by its number or by its alias; no other one is read.

        Raises:
            FairleadError: there is none; lists those there are.
            IntegrityError: it cannot be read; tells the way out.
        """
        aliases = self._aliases(use_case)
        found = self._get(use_case, str(aliases.get(str(which), which)))
        if found is None:
            raise unknown(f"version of {use_case}", which, self._names(use_case, aliases))
        return from_mlflow(found, aliases)

    def champion(self, use_case: str) -> Version | None:
        """Return the model in charge, None before the first promotion.

        Raises:
            IntegrityError: it cannot be read; tells the way out.
        """
        number = self._aliases(use_case).get(CHAMPION)
        return None if number is None else self.version(use_case, number)

    def request(self, use_case: str, which: int | str) -> Approval:
        """Ask for the approval to make a version champion.

        Raises:
            FairleadError: no such version, or the actor may not ask.
        """
        version = self.version(use_case, which)
        return approvals.request(self.settings, use_case, version.version, version.digest)

    def promote(self, use_case: str, which: int | str, approval: str) -> Version:
        """Make a version champion, with an approval given for these very bytes; the approval is used up.

        The former champion gets the alias ``archived`` and the tag ``archived_at``. Killed anywhere and run again, it
        goes on where it stopped. To go back, promote the archived version, with an approval of its own.

        Raises:
            FairleadError: the approval is unknown, not given, used, or for another model; or the actor may not promote.
            IntegrityError: the ledger was tampered with.
        """
        read_access(self.settings).require(self.settings.actor, "promote")
        new = self.version(use_case, which)
        given = approvals.require_given(self.settings, approval, use_case, new.version, new.digest)
        # By its number alone: a champion that cannot be read has to be replaceable.
        former = self._aliases(use_case).get(CHAMPION)
        if former is not None and int(former) != new.version:
            self._mlflow.set_model_version_tag(use_case, str(former), "archived_at", _now())
            self._mlflow.set_registered_model_alias(use_case, ARCHIVED, str(former))
        self._mlflow.set_registered_model_alias(use_case, CHAMPION, str(new.version))
        if CHALLENGER in new.aliases:
            self._mlflow.delete_registered_model_alias(use_case, CHALLENGER)
        if new.archived_at is not None:
            self._mlflow.delete_model_version_tag(use_case, str(new.version), "archived_at")
        payload = {
            "use_case": use_case,
            "version": new.version,
            "digest": new.digest,
            "approval": approval,
            "approval_hash": given.decision_hash,
        }
        self._ledger.append(PROMOTED, payload, self.settings.actor, once="approval")
        return self.version(use_case, new.version)

    def audit(self, use_case: str) -> list[str]:
        """Compare registry, bundle store and ledger and say, in words, where they disagree; an empty list is good news.

        Raises:
            FairleadError: the actor may not audit.
            IntegrityError: the ledger itself was tampered with.
        """
        read_access(self.settings).require(self.settings.actor, "audit")
        self._ledger.verify()
        readable, wrong = self._read(use_case)
        registered = {e.payload["digest"]: e.payload["version"] for e in self._entries(REGISTERED, use_case)}
        for v in readable:
            if v.digest not in registered:
                wrong.append(f"version {v.version} (digest {v.digest[:12]}…) is in the registry, not in the ledger")
            if not store.present(v.uri):
                wrong.append(f"version {v.version} has no bundle at {v.uri}; put it back, or register it again")
        there = {v.tags.get("digest") for v in self._records(use_case)}
        for digest, number in registered.items():
            if digest not in there:
                wrong.append(f"version {number} (digest {digest[:12]}…) is in the ledger, not in the registry")
        return wrong + self._audit_champion(use_case)

    def _audit_champion(self, use_case: str) -> list[str]:
        promoted = self._entries(PROMOTED, use_case)
        last = promoted[-1].payload if promoted else {}
        by_alias = self._aliases(use_case).get(CHAMPION)
        found = None if by_alias is None else self._get(use_case, str(by_alias))
        number = None if found is None else int(found.version)
        if number != last.get("version"):
            return [f"the champion is version {number} by its alias and version {last.get('version')} by the ledger"]
        digest = None if found is None else str(found.tags.get("digest"))
        if digest != last.get("digest"):
            return [f"the champion, version {number}, has digest {digest}, the ledger promoted {last.get('digest')}"]
        return []

    def _entries(self, kind: str, use_case: str) -> list[Entry]:
        return [e for e in self._ledger.entries(kind) if e.payload["use_case"] == use_case]

    def _read(self, use_case: str) -> tuple[list[Version], list[str]]:
        """Read all versions: those that can be read, and what is wrong with the others."""
        readable: list[Version] = []
        wrong: list[str] = []
        aliases = self._aliases(use_case)
        for record in self._records(use_case):
            try:
                readable.append(from_mlflow(record, aliases))
            except IntegrityError as error:
                wrong.append(str(error))
        return readable, wrong

    def _records(self, use_case: str) -> list[ModelVersion]:
        return sorted(self._search(f"name = '{use_case}'"), key=lambda v: int(v.version))

    def _names(self, use_case: str, aliases: Mapping[str, int | str]) -> list[str]:
        names = []
        for record in self._records(use_case):
            mine = sorted(a for a, number in aliases.items() if int(number) == int(record.version))
            names.append(f"{record.version} ({', '.join(mine)})" if mine else str(record.version))
        return names

    def _get(self, use_case: str, number: str) -> ModelVersion | None:
        if not number.isdecimal():
            return None
        try:
            return self._mlflow.get_model_version(use_case, number)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None

    def _make_model(self, use_case: str) -> None:
        try:
            self._mlflow.create_registered_model(use_case)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _search(self, condition: str) -> list[ModelVersion]:
        found: list[ModelVersion] = []
        token: str | None = None
        while True:
            page = self._mlflow.search_model_versions(condition, max_results=1000, page_token=token)
            found += page
            token = page.token
            if not token:
                return found

    def _with_digest(self, use_case: str, digest: str) -> list[ModelVersion]:
        return self._search(f"name = '{use_case}' AND tag.`digest` = '{digest}'")

    def _aliases(self, use_case: str) -> dict[str, int | str]:
        try:
            return dict(self._mlflow.get_registered_model(use_case).aliases)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return {}

    def _settle(self, use_case: str, digest: str) -> Version:
        # Two processes may have made a version of the same bundle at once. Each sees the other's here at the latest,
        # and both keep the lower number.
        first, *others = sorted(self._with_digest(use_case, digest), key=lambda v: int(v.version))
        for other in others:
            try:
                self._mlflow.delete_model_version(use_case, str(other.version))
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
        return from_mlflow(first, self._aliases(use_case))

    def _record(self, version: Version) -> None:
        self._challenge(version)
        # A registry that was lost and is filled again makes its versions anew, at another time and perhaps under
        # another number. The ledger then tells of both registrations; the same one told again changes nothing.
        payload = {
            "registration": f"{version.model_uri} of {version.created}",
            "use_case": version.use_case,
            "version": version.version,
            "digest": version.digest,
            "uri": version.uri,
            "data_hash": version.contract.data_hash,
            "run_id": version.run_id,
        }
        self._ledger.append(REGISTERED, payload, version.registered_by, once="registration")

    def _challenge(self, version: Version) -> None:
        """Make a version challenger that has never been anything here and is newer than what is."""
        if version.archived_at is not None or {CHAMPION, CHALLENGER, ARCHIVED} & set(version.aliases):
            return
        # MLflow fails when two processes give an alias for the first time at once.
        with one_at_a_time(self.settings.home / "locks" / "registry"):
            aliases = self._aliases(version.use_case)
            if max(int(aliases.get(a, 0)) for a in (CHAMPION, CHALLENGER)) < version.version:
                self._mlflow.set_registered_model_alias(version.use_case, CHALLENGER, str(version.version))


def _headline(metrics: Sequence[SliceMetrics]) -> str:
    whole = [m for m in metrics if m.slice == "all"]
    return "\n".join(f"{m.dataset} {name}: {value}" for m in whole for name, value in m.metrics.items())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")

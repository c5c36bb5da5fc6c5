"""Retraining on Kubernetes: training runs on Kubeflow Pipelines, rollouts by the operator."""

import copy
from pathlib import Path

import yaml

from components.core.access import read_access
from components.core.config import Settings
from components.core.errors import FairleadError
from components.registry.registry import Registry
from components.retraining.values import Progress, Run
from components.rollout import history
from components.rollout.kubernetes_objects import ROLLOUTS, Conflict, Objects
from components.rollout.kubernetes_store import KubernetesStore
from components.rollout.model_rollout import id_of, spec_of
from components.rollout.planes.cluster import Json
from pipelines.catalogue import compiled
from pipelines.retraining_rollouts import Say, give_approvals, progress_of
from pipelines.retraining_runs import STOPS, arguments
from pipelines.runners import kubeflow
from pipelines.runners.kubeflow import Found

GATES = ("require-gates", "check-leakage")
"""Steps that fail to stop a run; any other one fails because something broke, unless its error says otherwise."""

OVER = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")
"""States in which a run at Kubeflow is over, or soon will be."""


class KubeflowTraining:
    """Submits the compiled training pipeline; the run is called as the key, by which it is found again.

    Args:
        settings: where the registry is, and the endpoint where ``host`` names none.
        use_case: name of one that ships, or the path of a YAML file.
        host: URL of the Kubeflow Pipelines API; empty takes the settings'.
        experiment: to put runs in.
        source: where the raw table is instead of the use case's own; a place that the cluster can read.
        extra: further parameters, each ``NAME=VALUE``.
        package: the compiled pipeline.
    """

    def __init__(
        self,
        settings: Settings,
        use_case: str,
        host: str = "",
        experiment: str = "fairlead",
        source: str = "",
        extra: tuple[str, ...] = (),
        package: Path | None = None,
    ) -> None:
        self._settings, self._use_case = settings, use_case
        self._host, self._experiment = host or settings.kfp_host, experiment
        self._source, self._extra = source, extra
        self._package = package or compiled("training")

    def status(self, run: Run) -> Progress:
        """Say how far it is; of several runs of the same key the first counts, and the others are stopped.

        There can be several only where a request outlived the process that sent it.
        """
        found = kubeflow.named(self._host, run.key)
        if not found:
            return Progress(state="absent")
        first, *others = found
        for other in others:
            if other.state not in OVER:
                kubeflow.terminate(self._host, other.run_id)
        if first.state == "SUCCEEDED":
            return self._registered(run, first)
        if first.state == "FAILED":
            return _failed(first)
        if first.state in OVER:
            return Progress(state="failed", reason=f"{first.state.lower()} at Kubeflow; see {first.url}")
        return Progress(state="running", reason=first.url)

    def start(self, run: Run) -> None:
        """Submit it.

        Raises:
            FairleadError: the actor may not train, or the endpoint does not take the run.
        """
        read_access(self._settings).require(self._settings.actor, "train")
        given = arguments(self._use_case, run, self._source, self._extra)
        kubeflow.submit(self._package, given, self._host, self._experiment, run.key)

    def _registered(self, run: Run, found: Found) -> Progress:
        as_of = run.decision.as_of.isoformat()
        mine = [v for v in Registry(self._settings).versions(run.use_case) if v.contract.as_of == as_of]
        if not mine:
            reason = f"it succeeded, and the registry has no version of {run.use_case} trained as of {as_of}"
            return Progress(state="failed", reason=f"{reason}; see {found.url}")
        return Progress(state="registered", version=str(mine[-1].version), reason=f"all gates passed; see {found.url}")


class ClusterRollouts:
    """Creates a ModelRollout for the operator, called as the run's key.

    Args:
        settings: where the registry is, and who acts.
        objects: the namespace's objects.
        template: YAML of a ModelRollout; both models and the name are put in. ``{version}`` in the name of a service or
            in a label becomes the version that it is for.
        say: takes one line of progress.
        approve: True gives the approval as soon as the rollout has earned it, with the actor's own roles.
    """

    def __init__(
        self, settings: Settings, objects: Objects, template: Path, say: Say, *, approve: bool = False
    ) -> None:
        self._settings, self._objects, self._template = settings, objects, template
        self._say, self._approve = say, approve

    def rollout(self, run: Run) -> Progress:
        """Say how far it is."""
        found = self._objects.get(ROLLOUTS, name_of(run))
        if found is None:
            return Progress(state="absent")
        return progress_of(history.read(KubernetesStore(self._objects), id_of(found)), run)

    def roll_out(self, run: Run) -> None:
        """Create it, unless it is there; give the approval that it waits for, where that was configured.

        Raises:
            FairleadError: there is no champion, the template is wrong, or the API refuses.
        """
        found = self._objects.get(ROLLOUTS, name_of(run))
        if found is None:
            body = model_rollout(self._read(), run, self._champion(run))
            try:
                self._objects.create(ROLLOUTS, body)
            except Conflict:
                return
            self._say(f"ModelRollout {name_of(run)} of {body['spec']['candidate']['model']} is created")
            return
        known = history.read(KubernetesStore(self._objects), id_of(found))
        if self._approve and known.state.phase == "awaiting_approval":
            give_approvals(self._settings, run, self._say)

    def _champion(self, run: Run) -> str:
        champion = Registry(self._settings).champion(run.use_case)
        if champion is None:
            raise FairleadError(
                f"{run.use_case} has no champion to roll version {run.version} out against; promote it with: "
                f"fairlead request {run.use_case} {run.version}"
            )
        return str(champion.version)

    def _read(self) -> Json:
        try:
            return dict(yaml.safe_load(self._template.read_text(encoding="utf-8")))
        except (OSError, TypeError, ValueError, yaml.YAMLError) as error:
            raise FairleadError(f"{self._template} is no YAML of a ModelRollout: {error}") from error


def name_of(run: Run) -> str:
    """Return the name of a run's object; Kubernetes takes no underscores.

    >>> from datetime import date
    >>> from components.retraining.values import Decision
    >>> decision = Decision(action="retrain", reasons=(), pressure=1.0, as_of=date(2005, 6, 30), key="sba_loans-2005")
    >>> name_of(Run(key="sba_loans-2005", use_case="sba_loans", decision=decision, state="registered"))
    'sba-loans-2005'
    """
    return run.key.replace("_", "-").lower()


def model_rollout(template: Json, run: Run, champion: str) -> Json:
    """Make the object that asks for a run's rollout.

    Args:
        template: a ModelRollout.
        run: whose version is the candidate.
        champion: version that reigns.

    Raises:
        FairleadError: the template's spec is wrong, or for another use case.
    """
    body = copy.deepcopy(template)
    body["metadata"] = {**body.get("metadata", {}), "name": name_of(run)}
    body["metadata"].pop("namespace", None)
    spec = body.setdefault("spec", {})
    for part, version in (("stable", champion), ("candidate", run.version)):
        given = {**spec.get(part, {}), "model": f"models:/{run.use_case}/{version}"}
        if "service" in given:
            given["service"] = given["service"].replace("{version}", version)
        if "labels" in given:
            given["labels"] = {name: text.replace("{version}", version) for name, text in given["labels"].items()}
        spec[part] = given
    use_case = spec_of(body).plan.use_case
    if use_case != run.use_case:
        raise FairleadError(f"the template's plan is for {use_case}, and run {run.key} is for {run.use_case}")
    return body


def _failed(found: Found) -> Progress:
    told = "; ".join(f"step {step} failed: {error or 'see its log'}" for step, error in found.failed.items())
    reason = f"{told or found.error or 'it failed'}; see {found.url}"
    stopped = any(step in GATES for step in found.failed) or any(name in reason for name in STOPS)
    return Progress(state="stopped" if stopped else "failed", reason=reason)

"""Where a retraining runs, as a command's options say it: on this machine, on a cluster, or in both."""

from pathlib import Path

from components.core.config import Settings
from components.core.errors import FairleadError
from components.retraining.memory_runner import MemoryRunner
from components.retraining.runner import Runner
from components.retraining.trigger import Trigger
from components.retraining.values import Progress, Run
from components.rollout import plan as plans
from pipelines.retraining_rollouts import MachineRollouts, Say
from pipelines.retraining_runs import LocalTraining, Placed, Rollouts, Training, trigger_of


def trigger(
    settings: Settings,
    use_case: str,
    say: Say,
    *,
    source: str = "",
    kubeflow: bool = False,
    template: Path | None = None,
    namespace: str = "default",
    plan: Path | None = None,
    background: bool = False,
    auto_approve: bool = False,
) -> Trigger:
    """Return the trigger that trains and rolls out where the options say.

    Args:
        settings: where everything is.
        use_case: name of one that ships, or the path of a YAML file.
        say: takes one line of progress.
        source: of the raw table.
        kubeflow: train on Kubeflow Pipelines, at the settings' endpoint.
        template: of a ModelRollout; given, the operator of the cluster rolls out.
        namespace: of the ModelRollout.
        plan: of a rollout on this machine.
        background: run such a rollout in a process of its own.
        auto_approve: give the approval that a rollout has earned.

    Raises:
        FairleadError: the plan is wrong, or options that exclude each other are given.
    """
    if template is not None and (plan is not None or background):
        raise FairleadError("--template rolls out on the cluster; --plan and --background are for this machine")
    training: Training
    rollouts: Rollouts
    if kubeflow:
        # Imported when asked for: clients of clusters are heavy.
        from pipelines.retraining_cluster import KubeflowTraining

        training = KubeflowTraining(settings, use_case, source=source)
    else:
        training = LocalTraining(settings, use_case, say, source)
    if template is not None:
        from components.rollout.kubernetes_objects import Objects
        from pipelines.retraining_cluster import ClusterRollouts

        rollouts = ClusterRollouts(settings, Objects(namespace), template, say, approve=auto_approve)
    else:
        made = None if plan is None else plans.load(plan)
        rollouts = MachineRollouts(settings, say, made, background=background, approve=auto_approve)
    return trigger_of(settings, Placed(training, rollouts))


def nowhere() -> Runner:
    """Return a runner that starts nothing, for what needs none."""

    def refuse(run: Run) -> Progress:
        raise FairleadError(f"run {run.key} cannot be carried on here; use: fairlead retraining resume")

    return MemoryRunner(train=refuse, roll_out=refuse)

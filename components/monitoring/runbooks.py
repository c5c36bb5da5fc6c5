"""The alerts that there are, and where each one's runbook is; the texts are in ``manifests/monitoring/runbooks``."""

from collections.abc import Mapping

FOLDER = "manifests/monitoring/runbooks"

FROM_LOOKS: Mapping[str, str] = {
    "drift": "What comes in, or what the model says, is not distributed as in the reference.",
    "missing": "An input lacks values more often, or less often, than in the reference.",
    "schema": "An input has values of a kind that the reference does not have.",
    "loss": "The loss that is known from labels has risen over what the model was judged by.",
    "estimated_loss": "The loss, estimated without labels, has risen over what the model was judged by.",
    "estimate_broken": "What came true is worse than what was estimated: estimates are not to be relied on.",
    "group": "The loss of one group of rows is above that of all rows of the same time.",
    "fairness": "Groups of people are treated so differently that a gate on fairness is shown to be broken.",
    "outliers": "Many rows are unlike those that the model learned from.",
    "label_coverage": "Of the rows whose time is over, too many have no label: performance cannot be told.",
    "label_delay": "Rows wait for labels, and none has come for long.",
    "test": "Somebody tries whether alerts arrive.",
}
"""Alerts that a look calls for, by the name in ``Call.name``."""

FROM_RULES: Mapping[str, str] = {
    "error_budget": "Requests fail so often that the month's budget of errors will not last.",
    "latency_budget": "Answers are so slow that the month's budget of slow answers will not last.",
    "refusals": "Many requests do not fit the model's contract and are refused.",
    "log_drops": "Rows of the prediction log are lost: what is not logged is not watched.",
    "features_stale": "The histories in the online store are old.",
    "quarantine": "Many rows of the newest table were set aside.",
    "monitor_silent": "Nobody has looked at the model for long, so none of the other alerts can be trusted.",
    "target_down": "Prometheus cannot reach a part of Fairlead.",
    "untold": "Changes of alerts wait to be told: a receiver cannot be reached or takes them for wrong.",
    "retraining_failed": "A training run that was started by itself broke.",
}
"""Alerts that Prometheus raises by itself, by the name in their label ``alert``."""

MEANING: Mapping[str, str] = {**FROM_LOOKS, **FROM_RULES}


def alert_name(name: str) -> str:
    """Return what Prometheus and Alertmanager call an alert.

    >>> alert_name("estimated_loss")
    'FairleadEstimatedLoss'
    """
    return "Fairlead" + "".join(part.capitalize() for part in name.split("_"))


def path_of(name: str) -> str:
    """Return the path of an alert's runbook in the tree.

    >>> path_of("drift")
    'manifests/monitoring/runbooks/drift.md'
    """
    # An alert without one is still told: tests see to it that there is none, not the moment of alarm.
    return f"{FOLDER}/{name}.md"

"""Who may do what to which objects, as one table: what stands here with yes is all that a role may write."""

from collections.abc import Iterator
from typing import NamedTuple

GROUPS = {
    "data_scientist": "fairlead:data-scientists",
    "approver": "fairlead:approvers",
    "operator": "fairlead:operators",
    "auditor": "fairlead:auditors",
}
"""Role of ``components.core.access`` → group of the cluster's log-in."""

NAMESPACES = ("models", "kubeflow", "mlflow", "storage", "features", "streaming", "monitoring")

SHORT = {
    "apps": "apps",
    "batch": "batch",
    "admission": "admissionregistration.k8s.io",
    "coordination": "coordination.k8s.io",
    "events": "events.k8s.io",
    "fairlead": "fairlead.dev",
    "gateway": "gateway.networking.k8s.io",
    "kafka": "kafka.strimzi.io",
    "kfp": "pipelines.kubeflow.org",
    "kserve": "serving.kserve.io",
    "networking": "networking.k8s.io",
    "prometheus": "monitoring.coreos.com",
    "rbac": "rbac.authorization.k8s.io",
}
"""Names of groups in the table → the groups."""

READS = frozenset({"get", "list", "watch", "readArtifact"})


class Row(NamedTuple):
    """One question and its answer. The namespace ``-`` is the whole cluster."""

    who: str
    namespace: str
    verb: str
    group: str
    resource: str
    allowed: bool


# Answer, who, where, verbs and resources, whose group is named in short (SHORT). ALL are the four roles, OURS all of
# our namespaces, WRITE the verbs that change an object.
TABLE = """
yes data_scientist             models      create                     fairlead/modelrollouts
no  data_scientist             models      update,patch,delete        fairlead/modelrollouts
no  data_scientist             models      promote,pause,abort,waive  fairlead/modelrollouts
no  data_scientist             kubeflow    create                     fairlead/modelrollouts
yes data_scientist             models      get,list,watch             fairlead/modelrollouts,kserve/inferenceservices
yes data_scientist             models      get,list,watch             gateway/httproutes,apps/deployments,pods
no  data_scientist             models      get                        pods/log
yes data_scientist             kubeflow    get                        pods/log,pods
yes data_scientist             kubeflow    create                     kfp/runs,kfp/experiments,kfp/pipelines
yes data_scientist             kubeflow    create                     kfp/pipelineversions
yes data_scientist             kubeflow    retry,terminate            kfp/runs
no  data_scientist             kubeflow    create,delete              kfp/jobs
no  data_scientist             kubeflow    delete                     kfp/runs
no  data_scientist             mlflow      get,list                   pods

yes approver                   models      patch,promote              fairlead/modelrollouts
no  approver                   models      create,update,delete       fairlead/modelrollouts
no  approver                   models      pause,resume,abort,waive   fairlead/modelrollouts
yes approver                   models      get,list,watch             fairlead/modelrollouts,kserve/inferenceservices
no  approver                   models      get                        pods/log
yes approver                   monitoring  get,list                   pods
no  approver                   kubeflow    get,list                   pods
no  approver                   kubeflow    create                     kfp/runs

yes operator                   models      create,patch,delete,pause,resume,abort fairlead/modelrollouts
no  operator                   models      promote,waive,update       fairlead/modelrollouts
yes operator                   OURS        delete                     pods
yes operator                   OURS        create                     pods/eviction
yes operator                   OURS        get                        pods/log,configmaps,events
yes operator                   kubeflow    retry,terminate            kfp/runs
yes operator                   kubeflow    create,enable,disable,delete kfp/jobs
no  operator                   kubeflow    create                     kfp/runs
no  operator                   default     get,delete                 pods
no  operator                   kube-system get,delete                 pods

yes auditor                    OURS        get,list,watch             configmaps,serviceaccounts,pods
yes auditor                    OURS        get,list,watch             rbac/rolebindings
yes auditor                    OURS        get                        pods/log,networking/networkpolicies
yes auditor                    models      get,list                   fairlead/modelrollouts,kserve/inferenceservices
yes auditor                    streaming   get,list                   kafka/kafkas
yes auditor                    monitoring  get,list                   prometheus/prometheusrules
yes auditor                    -           get,list                   rbac/clusterroles,namespaces
yes auditor                    -           get,list                   admission/validatingadmissionpolicies
yes auditor                    -           get,list                   kserve/clusterservingruntimes
no  auditor                    models      promote,pause,abort,waive  fairlead/modelrollouts
no  auditor                    kube-system get,list                   configmaps,pods

no  ALL                        OURS        get,list,watch,WRITE       secrets
no  ALL                        -           get,list                   secrets
no  ALL                        models      WRITE                      kserve/inferenceservices
no  ALL                        models      WRITE                      kserve/inferenceservices/status
no  ALL                        models      WRITE                      kserve/servingruntimes
no  ALL                        -           WRITE                      kserve/clusterservingruntimes
no  ALL                        -           WRITE                      kserve/clusterstoragecontainers
no  ALL                        models      WRITE                      gateway/httproutes,gateway/gateways
no  ALL                        models      WRITE                      fairlead/modelrollouts/status
no  ALL                        OURS        WRITE                      rbac/roles,rbac/rolebindings
no  ALL                        -           WRITE                      rbac/clusterroles,rbac/clusterrolebindings
no  ALL                        -           WRITE                      admission/validatingadmissionpolicies
no  ALL                        -           WRITE                      admission/validatingadmissionpolicybindings
no  ALL                        OURS        WRITE                      apps/deployments,apps/statefulsets,configmaps
no  ALL                        OURS        WRITE                      serviceaccounts
no  ALL                        OURS        create                     pods,pods/exec,pods/attach,pods/portforward
no  ALL                        OURS        create                     pods/ephemeralcontainers,serviceaccounts/token
no  ALL                        OURS        create                     batch/jobs,batch/cronjobs
no  ALL                        models      bind,escalate              rbac/roles
no  ALL                        -           impersonate                users,groups
no  ALL                        -           get,list                   nodes

yes models:fairlead-rollout    models      get,patch                  kserve/inferenceservices,gateway/httproutes
no  models:fairlead-rollout    models      create,delete,update       kserve/inferenceservices,gateway/httproutes
yes models:fairlead-rollout    models      get,list,watch,patch       fairlead/modelrollouts
no  models:fairlead-rollout    models      create,delete,promote,waive fairlead/modelrollouts
yes models:fairlead-rollout    models      patch                      fairlead/modelrollouts/status
yes models:fairlead-rollout    models      get,create,update          coordination/leases
yes models:fairlead-rollout    models      create                     events/events
no  models:fairlead-rollout    models      get,list,watch,WRITE       secrets,configmaps,pods
no  models:fairlead-rollout    kubeflow    get,patch                  fairlead/modelrollouts,kserve/inferenceservices

no  kubeflow:fairlead-schedule kubeflow    get,list,WRITE             secrets,configmaps,pods,kfp/runs

yes monitoring:prometheus      models      get,list,watch             pods
yes monitoring:prometheus      monitoring  get,list,watch             pods
no  monitoring:prometheus      mlflow      get,list,watch             pods
no  monitoring:prometheus      models      WRITE                      pods,services,configmaps
no  monitoring:prometheus      models      get,list                   secrets,configmaps,kserve/inferenceservices
no  monitoring:prometheus      kube-system get,list                   pods
no  monitoring:alertmanager    monitoring  get,list,WRITE             secrets,configmaps,pods
no  monitoring:grafana         monitoring  get,list,WRITE             secrets,configmaps,pods
no  monitoring:otel-collector  monitoring  get,list,WRITE             secrets,configmaps,pods
no  models:fairlead-monitoring models      get,list,WRITE             secrets,configmaps,pods
no  models:fairlead-serving    models      get,list,WRITE             secrets,configmaps,pods
"""

_WRITE = ("create", "update", "patch", "delete", "deletecollection")


def rows() -> Iterator[Row]:
    """Give every question of the table."""
    for line in filter(None, TABLE.splitlines()):
        answer, who, where, verbs, resources = line.split()
        for one in GROUPS if who == "ALL" else (who,):
            for namespace in NAMESPACES if where == "OURS" else (where,):
                for verb in verbs.replace("WRITE", ",".join(_WRITE)).split(","):
                    for resource in resources.split(","):
                        yield Row(one, namespace, verb, *_split(resource), answer == "yes")


def subject(who: str) -> tuple[str, list[str]]:
    """Return a user's name and groups: of somebody in a role, or of a service account NAMESPACE:NAME."""
    if who in GROUPS:
        return f"somebody-{who}", [GROUPS[who], "system:authenticated"]
    namespace, _, _ = who.partition(":")
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    return f"system:serviceaccount:{who}", groups


def _split(resource: str) -> tuple[str, str]:
    """Part the group from the resource: a core resource's subresource has a slash too.

    >>> _split("apps/deployments"), _split("pods/log"), _split("fairlead/modelrollouts/status")
    (('apps', 'deployments'), ('', 'pods/log'), ('fairlead.dev', 'modelrollouts/status'))
    """
    first, slash, rest = resource.partition("/")
    return (SHORT[first], rest) if slash and first in SHORT else ("", resource)

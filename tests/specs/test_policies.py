"""Each rule lets a right object pass and finds the wrong one: a rule that cannot fail proves nothing."""

import copy

import pytest

from tests.specs.policies import faults
from tests.specs.reach import NAME

WORLD = """
apiVersion: v1
kind: Namespace
metadata: {name: models, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default, namespace: models}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], egress: [{ports: [{protocol: UDP, port: 53}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: models}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: models}}}], ports: [{port: http}]}]
  egress: [{to: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 8080}, {port: 443}]}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: models}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: models}
data: {FAIRLEAD_SIGNING_KEY: /etc/key.pem, address: "http://mlflow.mlflow:5000"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: models}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: web
      securityContext: {runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: RuntimeDefault}}
      initContainers: []
      containers:
        - name: web
          image: ghcr.io/fairlead/fairlead-platform:0.1.0
          env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: redis, key: password}}}, {name: A, value: b}]
          envFrom: [{configMapRef: {name: web}}]
          ports: [{name: http, containerPort: 8080}]
          resources: {requests: {cpu: 1, memory: 1Gi}, limits: {memory: 1Gi}}
          securityContext:
            {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
          volumeMounts: [{name: scratch, mountPath: /scratch}]
      volumes: [{name: scratch, emptyDir: {}}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: models, labels: {app: web}}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: models}
spec: {maxUnavailable: 1, selector: {matchExpressions: [{key: app, operator: In, values: [web]}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: models}
spec:
  parentRefs: [{name: kserve-ingress-gateway, namespace: kserve}]
  rules: [{backendRefs: [{name: web, port: 80}, {name: sba-predictor, port: 80}], filters: []}]
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: web, namespace: models}
spec: {selector: {matchLabels: {app: web}}}
---
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: {name: models, namespace: models}
spec: {selector: {matchLabels: {serving.kserve.io/inferenceservice: sba}}, namespaceSelector: {any: true}}
---
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterServingRuntime
metadata: {name: fairlead}
spec:
  containers:
    - name: kserve-container
      image: ghcr.io/fairlead/fairlead-serving@sha256:0123456789
      args: [--bundle, /mnt/models]
      resources: {requests: {cpu: 1, memory: 1Gi}, limits: {memory: 1Gi}}
      securityContext:
        runAsNonRoot: true
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
        seccompProfile: {type: RuntimeDefault}
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: sba, namespace: models, annotations: {serving.kserve.io/deploymentMode: Standard}}
spec: {predictor: {serviceAccountName: web, model: {runtime: fairlead, storageUri: "models:/sba/1"}}}
---
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterStorageContainer
metadata: {name: fairlead}
spec:
  container:
    name: storage-initializer
    image: ghcr.io/fairlead/fairlead-serving:0.1.0
    resources: {requests: {cpu: 1, memory: 1Gi}, limits: {memory: 1Gi}}
    securityContext:
      runAsNonRoot: true
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
      seccompProfile: {type: RuntimeDefault}
"""
POD = "Deployment/spec.template.spec"
WEB = f"{POD}.containers.0"
MODEL = "InferenceService/spec.predictor.model"
REMOVED = object()


def world():
    import yaml

    return list(yaml.safe_load_all(WORLD))


def changed(where, value):
    """Return the world with one value changed: KIND/path, or KIND:NAME/path; numbers in it are places in lists."""
    subject, _, path = where.partition("/")
    kind, _, name = subject.partition(":")
    objects = copy.deepcopy(world())
    place = next(o for o in objects if o["kind"] == kind and name in ("", o["metadata"]["name"]))
    *way, last = [int(word) if word.isdigit() else word.replace("~", ".") for word in path.split(".")]
    for word in way:
        place = place[word] if isinstance(word, int) else place.setdefault(word, {})
    if value is REMOVED:
        del place[last]
    else:
        place[last] = value
    return objects


def test_a_right_world_has_no_fault():
    assert list(faults(world(), world())) == []


@pytest.mark.parametrize(
    ("rule", "where", "value"),
    [
        ("image", f"{WEB}.image", "ghcr.io/fairlead/fairlead-platform"),
        ("image", f"{WEB}.image", "ghcr.io/fairlead/fairlead-platform:latest"),
        ("image", f"{WEB}.image", "localhost:5000/fairlead-platform"),
        ("image", "ClusterStorageContainer/spec.container.image", "kserve/storage-initializer:latest"),
        ("image", f"{MODEL}.image", "fairlead-serving"),
        ("image", f"{MODEL}.runtime", "another"),
        ("image", "InferenceService/spec.explainer", {"serviceAccountName": "web", "art": {"type": "SquareAttack"}}),
        ("share", f"{WEB}.resources.requests.cpu", REMOVED),
        ("share", f"{WEB}.resources.requests.memory", REMOVED),
        ("share", f"{WEB}.resources.limits", {"cpu": 1}),
        ("share", "ClusterServingRuntime/spec.containers.0.resources", REMOVED),
        ("share", f"{POD}.initContainers", [{"name": "first", "image": "a:1"}]),
        ("unprivileged", f"{POD}.securityContext.runAsNonRoot", False),
        ("unprivileged", f"{POD}.securityContext.runAsUser", 0),
        ("unprivileged", f"{POD}.securityContext.seccompProfile", REMOVED),
        ("unprivileged", f"{WEB}.securityContext.seccompProfile", {"type": "Unconfined"}),
        ("unprivileged", f"{WEB}.securityContext.readOnlyRootFilesystem", REMOVED),
        ("unprivileged", f"{WEB}.securityContext.allowPrivilegeEscalation", True),
        ("unprivileged", f"{WEB}.securityContext.privileged", True),
        ("unprivileged", f"{WEB}.securityContext.capabilities", {"drop": ["NET_RAW"]}),
        ("unprivileged", f"{WEB}.securityContext.capabilities.add", ["NET_ADMIN"]),
        ("unprivileged", f"{MODEL}.securityContext.runAsNonRoot", False),
        ("unprivileged", "ClusterStorageContainer/spec.container.securityContext", REMOVED),
        ("unprivileged", "InferenceService/spec.predictor.containers", [{"name": "beside", "image": "a:1"}]),
        ("own_namespaces", f"{POD}.hostNetwork", True),
        ("own_namespaces", f"{POD}.volumes", [{"name": "scratch", "hostPath": {"path": "/"}}]),
        ("account", f"{POD}.serviceAccountName", REMOVED),
        ("account", f"{POD}.serviceAccountName", "default"),
        ("account", "InferenceService/spec.predictor.serviceAccountName", REMOVED),
        ("mounts", f"{POD}.volumes", []),
        ("mounts", f"{MODEL}.volumeMounts", [{"name": "steps", "mountPath": "/steps"}]),
        (
            "mounts",
            f"{WEB}.volumeMounts",
            [{"name": "scratch", "mountPath": "/a"}, {"name": "scratch", "mountPath": "/a"}],
        ),
        ("scope", "Service/metadata.namespace", REMOVED),
        ("scope", "ClusterServingRuntime/metadata.namespace", "models"),
        ("namespace", "Service/metadata.namespace", "elsewhere"),
        ("namespace", "Namespace/metadata.labels", {}),
        ("namespace", "Namespace/metadata.labels", {"pod-security.kubernetes.io/enforce": "privileged"}),
        ("denies", "NetworkPolicy:default/spec.podSelector", {"matchLabels": {"app": "web"}}),
        ("denies", "NetworkPolicy:default/spec.policyTypes", ["Ingress"]),
        ("denies", "NetworkPolicy:default/spec.ingress", [{}]),
        ("denies", "NetworkPolicy:default/spec.egress", [{}]),
        ("denies", "NetworkPolicy:default/spec.egress", [{"ports": [{"port": 443}]}]),
        ("clear_secret", "ConfigMap/kind", "Secret"),
        ("clear_secret", f"{WEB}.env", [{"name": "POSTGRES_PASSWORD", "value": "letmein"}]),
        ("clear_secret", f"{WEB}.env", [{"name": "AWS_SECRET_ACCESS_KEY", "value": "abcdefgh"}]),
        ("clear_secret", f"{WEB}.env", [{"name": "DATABASE", "value": "postgresql://mlflow:letmein@postgres/mlflow"}]),
        ("clear_secret", f"{WEB}.args", ["--key", "AKIA" + "ABCDEFGHIJKLMNOP"]),
        ("clear_secret", "ConfigMap/data.token", "abcdef"),
        ("clear_secret", "ConfigMap/data.key~pem", "-----BEGIN " + "EC PRIVATE KEY-----"),
        ("let_in", "NetworkPolicy:web/spec.ingress", []),
        ("let_in", "NetworkPolicy:web/spec.ingress.0.ports", [{"port": 8081}]),
        ("let_in", "NetworkPolicy:web/spec.ingress.0.from", [{"namespaceSelector": {"matchLabels": {NAME: "kserve"}}}]),
        ("let_in", "NetworkPolicy:web/spec.ingress.0.from", [{"ipBlock": {"cidr": "10.0.0.0/8"}}]),
        ("selected", "Service/spec.selector", {"app": "other"}),
        ("selected", "NetworkPolicy:web/spec.podSelector", {"matchLabels": {"app": "other"}}),
        ("selected", "PodDisruptionBudget/spec.selector.matchExpressions.0.values", ["other"]),
        ("selected", "PodDisruptionBudget/spec.selector.matchExpressions.0.operator", "DoesNotExist"),
        ("selected", "PodDisruptionBudget/metadata.namespace", "kserve"),
        ("selected", "ServiceMonitor/spec.selector.matchLabels", {"app": "other"}),
        ("selected", "PodMonitor/spec.namespaceSelector", {"matchNames": ["kserve"]}),
        ("selected", "InferenceService/metadata.name", "other"),
        ("backend", "HTTPRoute/spec.rules.0.backendRefs.0.name", "other"),
        ("backend", "HTTPRoute/spec.rules.0.backendRefs.1.port", 8080),
        ("backend", "HTTPRoute/spec.rules.0.backendRefs.1.name", "sba-b-predictor"),
        (
            "backend",
            "HTTPRoute/spec.rules.0.filters",
            [{"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "other", "port": 80}}}],
        ),
        ("backend", "HTTPRoute/spec.parentRefs.0.namespace", "models"),
        ("mentioned", f"{POD}.serviceAccountName", "other"),
        ("mentioned", f"{WEB}.envFrom.0.configMapRef.name", "other"),
        ("mentioned", f"{WEB}.env.0.valueFrom.secretKeyRef.key", "username"),
        ("mentioned", f"{WEB}.env.0.valueFrom.secretKeyRef.name", "other"),
        ("mentioned", f"{POD}.volumes", [{"name": "scratch", "persistentVolumeClaim": {"claimName": "other"}}]),
        ("mentioned", f"{POD}.volumes", [{"name": "scratch", "configMap": {"name": "other"}}]),
        ("mentioned", f"{POD}.volumes", [{"name": "scratch", "secret": {"secretName": "other"}}]),
        ("ignored", "InferenceService/metadata.annotations", {}),
        ("ignored", "InferenceService/metadata.annotations.serving~kserve~io/deploymentMode", "RawDeployment"),
        ("ignored", "InferenceService/spec.predictor.containerConcurrency", 10),
        ("ignored", "InferenceService/spec.predictor.scaleMetric", "rps"),
        ("ignored", "InferenceService/spec.predictor.scaleMetricType", "Utilization"),
        ("ignored", "InferenceService/spec.predictor.autoScaling", {"behavior": {}}),
        ("ignored", "InferenceService/metadata.annotations.serving~kserve~io/autoscalerClass", "keda"),
        ("ignored", f"{MODEL}.env", [{"name": "PYTHONPATH", "value": "/steps"}]),
        ("ignored", f"{MODEL}.storageUri", REMOVED),
        (
            "ignored",
            "InferenceService/spec.explainer",
            {"art": {"type": "SquareAttack", "image": "a:1", "args": ["--b"]}},
        ),
        ("ignored", "InferenceService/spec.explainer", {"art": {"type": "SquareAttack"}}),
        ("ignored", "ClusterStorageContainer/spec.container.name", "fairlead"),
    ],
)
def test_a_wrong_object_is_found(rule, where, value):
    objects = changed(where, value)
    found = list(faults(objects, objects))
    assert rule in {fault.rule for fault in found}, found


@pytest.mark.parametrize(
    ("field", "value"),
    [("deploymentStrategy", {}), ("topologySpreadConstraints", []), ("securityContext", {}), ("autoScaling", {})],
)
def test_what_mode_knative_does_not_take_is_found(field, value):
    objects = changed("InferenceService/metadata.annotations.serving~kserve~io/deploymentMode", "Knative")
    service = next(o for o in objects if o["kind"] == "InferenceService")
    assert list(faults(objects, objects)) == []
    service["spec"]["predictor"][field] = value
    assert [fault.rule for fault in faults(objects, objects)] == ["ignored"]


@pytest.mark.parametrize("scaler", ["keda", "none"])
def test_what_an_autoscaler_does_not_do_is_found(scaler):
    objects = changed("InferenceService/metadata.annotations.serving~kserve~io/autoscalerClass", scaler)
    service = next(o for o in objects if o["kind"] == "InferenceService")
    auto = {"metrics": []} if scaler == "keda" else None
    service["spec"]["predictor"] |= {"minReplicas": 1, **({"autoScaling": auto} if auto else {})}
    assert list(faults(objects, objects)) == []
    if scaler == "keda":
        service["spec"]["canary"] = [{"trafficPercent": 1, "predictor": {"name": "b", "model": {"storageUri": "c"}}}]
    else:
        service["spec"]["predictor"]["maxReplicas"] = 3
    assert [fault.rule for fault in faults(objects, objects)] == ["ignored"]


def test_a_canary_is_a_pod_and_a_service_of_its_own():
    objects = changed("HTTPRoute/spec.rules.0.backendRefs.1.name", "sba-b-predictor")
    service = next(o for o in objects if o["kind"] == "InferenceService")
    canary = {"name": "b", "model": {"storageUri": "c", "image": "a:latest"}}
    service["spec"]["canary"] = [{"trafficPercent": 1, "predictor": canary}]
    found = list(faults(objects, objects))
    assert [(fault.rule, fault.subject) for fault in found] == [("image", "InferenceService models/sba predictor b")]

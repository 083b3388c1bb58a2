# Every target sets up what it needs. PYTHON=python3.12 make ... picks the Python; .venv is kept until it differs.
SHELL := /bin/bash
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
PURE := workflows/rollout/*,webhooks/protocol.py
SCHEMAS := $(wildcard charts/*/values.schema.json) webhooks/catalog/catalog.schema.json

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-stories coverage check docs pictures test-browser bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv with everything that developing needs
	@scripts/setup dev

demo: ## run the two releases of the story and write demo-report/ (ARGS="--output DIR")
	@scripts/setup run
	@$(BIN)/penstock demo $(ARGS)

test: setup ## run all tests but those with a target of their own (ARGS="-k word")
	@scripts/test-tools
	$(BIN)/pytest -n 3 --ignore=tests/chart $(STORIES:%=--ignore=%) $(ARGS)

STORIES := $(patsubst %,tests/story/test_story_%.py,pipelines stages journal ui) tests/cluster/test_quick_start.py
test-stories: setup ## perform the longest stories on the local platform: pipelines and stages, journals, --ui; the quick start
	$(BIN)/pytest -n 2 $(STORIES) $(ARGS)

coverage: setup ## run all tests and hold them to the coverage limits; measuring costs a half more time
	@scripts/test-tools
	$(BIN)/pytest -n 3 --cov --cov-report= --cov-fail-under=0 $(ARGS)
	$(BIN)/coverage report
	$(BIN)/coverage report --include='$(PURE)' --fail-under=100

check: setup ## run everything that reads the code without running it
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	@$(foreach schema,$(SCHEMAS),$(BIN)/check-jsonschema --check-metaschema $(schema) &&) true
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*
	$(BIN)/check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/idea.yml
	$(BIN)/codespell

docs: setup ## build the documentation strictly into build/site
	@scripts/fetch-mermaid
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

test-browser: setup ## visit the pages with a real browser (needs Chromium)
	@scripts/test-tools
	$(BIN)/pytest -m browser tests/browser $(ARGS)

pictures: setup ## take the pictures of docs/pictures again (needs Chromium)
	@scripts/test-tools
	PENSTOCK_PICTURES=1 $(BIN)/pytest -m browser tests/browser

bench: setup ## run every benchmark; figures go to build/bench/*.json
	@mkdir -p build/bench
	@set -e; for file in benchmarks/*.py; do \
	  [ -e "$$file" ] || { echo 'bench: there is no benchmark yet'; exit 0; }; \
	  echo "== $$file"; $(BIN)/python "$$file" --json "build/bench/$$(basename "$$file" .py).json"; \
	done

.PHONY: control-plane test-cluster test-flagger
control-plane: build/control-plane ## compile the API server of test-cluster (needs Go; about ten minutes the first time)

VERSION := k8s.io/component-base/version
build/control-plane: tests/cluster/control_plane/go.sum $(wildcard tests/cluster/control_plane/*.go)
	@command -v go > /dev/null || { echo 'control-plane: needs Go 1.24 or newer on the PATH'; exit 1; }
	@mkdir -p build
	cd tests/cluster/control_plane && release=$$(go list -m -f '{{.Version}}' k8s.io/kubernetes) && \
	  GOFLAGS=-buildvcs=false go build -trimpath -o "$(CURDIR)/$@" -ldflags \
	  "-s -w -X $(VERSION).gitVersion=$$release -X $(VERSION).gitMajor=1 -X $(VERSION).gitMinor=34" .
	@touch $@

test-cluster: setup $(if $(PENSTOCK_CLUSTER),,control-plane) ## run tests/cluster against a real API server (PENSTOCK_CLUSTER=kubeconfig of one that is nobody's)
	$(BIN)/pytest -m cluster tests/cluster $(ARGS)

FLAGGER := v1.44.0
build/flagger: Makefile
	@mkdir -p build
	GOBIN="$(CURDIR)/build" GOFLAGS=-buildvcs=false go install -trimpath -ldflags "-s -w" \
	  github.com/fluxcd/flagger/cmd/flagger@$(FLAGGER)
	@touch $@

test-flagger: setup control-plane build/flagger ## the story under the real Flagger, some five minutes (needs Go, PENSTOCK_CRDS, kubectl, prometheus)
	$(BIN)/pytest -m flagger tests/cluster/test_flagger_story.py $(ARGS)

.PHONY: chart-files test-chart
chart-files: setup ## write the files of charts/penstock that follow from others: schema, README, rights, templates
	$(BIN)/python scripts/chart_files.py

HELM := v4.3.1
build/helm:
	@command -v go > /dev/null || { echo 'build/helm: needs Go on the PATH, or a helm there'; exit 1; }
	@mkdir -p build
	GOBIN="$(CURDIR)/build" GOFLAGS=-buildvcs=false go install -trimpath -ldflags "-s -w" helm.sh/helm/v4/cmd/helm@$(HELM)

test-chart: setup $(if $(shell command -v helm),,build/helm) ## render the chart and test what comes of it (needs helm, or Go)
	$(BIN)/pytest tests/chart $(ARGS)

.PHONY: image test-image
image: ## build the image penstock:VERSION with podman or docker (ARGS="--target tools")
	scripts/image $(ARGS)

test-image: setup ## build the image and run it (needs podman; as root without a registry also debootstrap and Go)
	$(BIN)/pytest -p no:randomly -m image tests/image $(ARGS)

.PHONY: release sbom
release: setup ## cut the changelog, tag, and fill dist/ with what is published (ARGS="--dry-run" changes nothing)
	$(BIN)/python scripts/release.py $(ARGS)

sbom: setup ## list what an installation brings, as CycloneDX, in dist/penstock.cdx.json
	@mkdir -p dist
	$(BIN)/python -m build --wheel --outdir dist .
	scripts/sbom dist/penstock-*.whl dist/penstock.cdx.json

clean: ## remove .venv, caches and reports
	rm -rf .venv build dist demo-report .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis

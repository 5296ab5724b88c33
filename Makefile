# Prism4k. Everything below works from a fresh clone: the virtual environment is made on first use.
SHELL := /bin/sh
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
WORKERS ?= 2

# What `make demo` and `make up` take; the programs read them from the environment.
export PORT GIT_URL BRANCH BUILD_CMD BUILD_TARGET PACKAGE NODE CLUSTER JENKINS_URL REGISTRY YES BUILDER

.DEFAULT_GOAL := help
.PHONY: help python installed dev-installed demo up reset assets assets-check screenshots ux budgets \
        test faults lint types e2e test-scale contract bench image messages

##@ Try it
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z0-9-]*:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo; echo "Variables of demo and up: PORT=8000 GIT_URL= BRANCH= BUILD_CMD= BUILD_TARGET= PACKAGE="
	@echo "                          CLUSTER=<kubeconfig> JENKINS_URL= NODE= REGISTRY= BUILDER=packer|buildah YES=1"

demo: python ## Carry one release order from Git commit to production
	@$(PYTHON) demo/preflight.py $(PORT) && $(PYTHON) demo/install.py requirements.lock && exec $(BIN)/python -m demo

up: python ## Serve the same data at http://127.0.0.1:8000
	@$(PYTHON) demo/preflight.py $(PORT) && $(PYTHON) demo/install.py requirements.lock && \
	 exec $(BIN)/python manage.py up --stand-ins --port $(PORT)

reset: python ## Throw away the data in var/ and start afresh (asks once)
	@$(PYTHON) -m demo.reset

##@ Screens
assets: node_modules/.package-lock.json ## Build static/dist from frontend/ (apt-get install nodejs npm); commit what it makes
	@node frontend/build.mjs

assets-check: node_modules/.package-lock.json ## Is static/dist what frontend/ makes?
	@rm -rf var/assets-check && ASSETS_OUT=var/assets-check node frontend/build.mjs && \
	 if diff -rq static/dist var/assets-check; then rm -rf var/assets-check; else \
	   echo "static/dist is not what frontend/ makes: run make assets, then commit static/dist with the sources." >&2; exit 1; fi

screenshots: dev-installed ## Every screen in every state, theme, language and width into var/screens/ (ONLY=order,home for some)
	$(BIN)/python -m tests.ux.pictures

ux: dev-installed ## Perform the tasks of docs/ux.md, count, compare with their limits and with peers
	$(BIN)/python -m tests.ux

budgets: dev-installed ## Bytes, requests and shifts of the main screens; times are printed only
	$(BIN)/python -m pytest -q -s tests/ux/test_budgets.py

# Nothing that a package brings is run: esbuild's own program comes as a package of its platform.
node_modules/.package-lock.json: package-lock.json
	@command -v npm >/dev/null || { echo "There is no npm. Install it: apt-get install nodejs npm (only to change frontend/)" >&2; exit 2; }
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

##@ Check it
test: dev-installed ## Fast tests: no browser, no PostgreSQL, no Redis
	$(BIN)/python -m pytest -n $(WORKERS) -m "not e2e and not scale and not slow" tests

faults: dev-installed ## Outages, crashes and hostile input against the stand-ins, with real processes killed
	$(BIN)/python -m pytest -n $(WORKERS) -m "slow and not e2e and not scale" tests

lint: dev-installed ## Style, import contracts, migrations, API schema
	$(BIN)/ruff check --no-cache .
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null

types: dev-installed ## mypy --strict
	$(BIN)/mypy .

e2e: dev-installed ## In a real Chromium (apt-get install chromium fonts-noto-cjk)
	$(BIN)/python -m pytest -m e2e tests

test-scale: dev-installed ## On PostgreSQL and Redis, started on private ports (apt-get install postgresql redis-server)
	$(BIN)/python -m tests.scale.services $(BIN)/python -m pytest -m scale tests

image: ## Build the Dockerfile with buildah on a Debian made on the spot, and run it (root; apt-get install buildah debootstrap curl)
	tests/containers/image.sh

messages: dev-installed ## Gather new sentences into the catalogues (apt-get install gettext), then compile them
	$(BIN)/python manage.py makemessages -l zh_Hans -l en --no-wrap --no-obsolete --add-location file -i .venv -i var -i tests -i sandbox -i demo -i node_modules
	$(BIN)/python manage.py compilemessages -l zh_Hans -l en

ifneq ($(wildcard tests/contract),)
contract: dev-installed ## The same cases on stand-ins and, where CONTRACT_* names one, on the real thing
	$(BIN)/python -m pytest -m contract tests/contract
endif

ifneq ($(wildcard bench/*.py),)
bench: dev-installed ## Figures: event to browser, memory of a watcher, queries of a list
	$(BIN)/python -m bench
endif

python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). Install it: apt-get install python3 python3-venv" >&2; exit 2; }
	@$(PYTHON) demo/preflight.py

dev-installed: python
	@$(PYTHON) demo/install.py requirements-dev.lock

# Two commands are enough: `make run` and `make test`. Each sets up what it needs, quietly when that is done.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
UV := 0.13.9
export PYTHONPATH := functions:.
export PORT DATA_DIR DEMO ENGINE

.PHONY: package deploy edge smoke rollback destroy run test journeys e2e lint audit types format bench shots pictures messages publish lock setup boundaries assets dynamodb-local clean help

help: ## say what there is
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: setup boundaries assets ## everything on one machine, at http://127.0.0.1:8000/
	@exec $(PY) -m infra run

test: setup boundaries assets lint types ## lint, types and the tests, in a few minutes
	@$(PY) -m pytest -n auto --dist worksteal -m "not journey" $(ARGS)

journeys: setup boundaries assets ## what takes long: the wide matrix in a real browser, the engines, 100,000 rows
	@$(PY) -m pytest -n auto --dist worksteal -m journey $(ARGS)

e2e: setup boundaries assets ## only the tests in a real browser
	@$(PY) -m pytest -n auto -m browser $(ARGS)

lint: setup ## style, form, and once a day known holes in dependencies
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@PATH="$$PATH:$(CURDIR)/$(VENV)/bin" $(PY) -m infra.advisories --daily

audit: setup ## known holes in dependencies, asked anew
	@PATH="$$PATH:$(CURDIR)/$(VENV)/bin" $(PY) -m infra.advisories

types: setup ## mypy, strict
	@$(PY) -m mypy

format: setup ## bring the code into its form
	@$(PY) -m ruff check --fix . ; $(PY) -m ruff format .

bench: setup boundaries assets .venv-bench/.done tests/bench/lighthouse/node_modules/.done ## every budget beside its measured figure, and peers
	@.venv-bench/bin/python -m tests.bench $(ARGS)

shots: setup assets ## take the pictures of /gaya/ anew that visual regression compares with
	@$(PY) -m tests.web.shots

pictures: setup boundaries assets ## take the pictures of the officers' manual anew
	@$(PY) -m tests.e2e.pictures

messages: setup ## collect the texts to translate
	@$(PY) -m web messages

publish: setup boundaries assets ## draw the whole site anew from the table
	@$(PY) -m infra publish --all

setup: $(VENV)/.done node_modules/.done

$(VENV)/.done: requirements/dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Choose another with PYTHON=..."; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked Python packages" >&2
	@$(PY) -m pip install -q --disable-pip-version-check uv==$(UV)
	@$(PY) -m uv pip sync -q --require-hashes requirements/dev.lock
	@touch $@

node_modules/.done: package-lock.json $(VENV)/.done
	@if ! command -v npm >/dev/null; then echo "npm is missing: taking Node from PyPI" >&2; \
	  $(PY) -m uv pip install -q --require-hashes -r requirements/node.lock; fi
	@echo "installing the locked assets" >&2
	@PATH="$$PATH:$(CURDIR)/$(VENV)/bin" npm ci --silent --no-fund --no-audit --ignore-scripts
	@touch $@

.venv-bench/.done: requirements/dev.lock requirements/bench.lock
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@echo "installing the peers to measure beside" >&2
	@.venv-bench/bin/python -m pip install -q --disable-pip-version-check uv==$(UV)
	@.venv-bench/bin/python -m uv pip sync -q requirements/dev.lock requirements/bench.lock
	@touch $@

tests/bench/lighthouse/node_modules/.done: tests/bench/lighthouse/package-lock.json
	@echo "installing Lighthouse" >&2
	@PATH="$$PATH:$(CURDIR)/$(VENV)/bin" npm ci --prefix tests/bench/lighthouse --silent --no-fund --no-audit --ignore-scripts
	@touch $@

boundaries: setup ## obtain and compile the boundaries, unless that is done
	@$(PY) -m geo fetch --quiet && $(PY) -m geo build --if-needed

assets: setup ## build scripts, styles, icons and words, unless that is done
	@$(PY) -m web build

dynamodb-local: setup ## the jar that the storage tests can use
	@$(PY) -m infra.dynamodb_local fetch

package: setup boundaries assets ## what is deployed: dist/deployment.zip and dist/sam.json
	@$(PY) -m infra package --stage $(or $(STAGE),dev)

edge: setup ## STAGE=...: certificate, rate rule and budget, in us-east-1; before the first deployment
	@$(PY) -m infra edge --stage $(STAGE) --region us-east-1 --parameters $(PARAMETERS)

smoke: setup ## ADDRESS=...: try a running instance as readers and reporters do
	@$(PY) -m infra smoke $(ADDRESS)

deploy: setup boundaries assets ## STAGE=dev|prod REGION=...: package, show what would change, ask, change, draw, try
	@$(PY) -m infra deploy --stage $(STAGE) --region $(REGION) --parameters $(PARAMETERS)

rollback: setup ## STAGE=... REGION=...: back to the version that stood before
	@$(PY) -m infra rollback --stage $(STAGE) --region $(REGION)

destroy: setup ## STAGE=... REGION=...: delete the stack after its name was typed
	@$(PY) -m infra destroy --stage $(STAGE) --region $(REGION)

lock: ## choose versions anew
	@for name in dev node bench; do $(PY) -m uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --upgrade requirements/$$name.in -o requirements/$$name.lock --custom-compile-command "make lock"; done

clean: ## remove what was made here; DATA_DIR stays
	rm -rf $(VENV) .venv-bench node_modules tests/bench/lighthouse/node_modules geo/build web/build dist .cache

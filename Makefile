# The only entry point; `make` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Children become other programs at once: gRPC's handlers of fork() would start threads in them before.
export GRPC_ENABLE_FORK_SUPPORT := 0

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

# The stamp carries the lock's hash, so that a changed lock reinstalls and nothing else does.
STAMP := $(VENV)/.installed-$(shell cat requirements/dev.txt pyproject.toml 2>/dev/null | sha256sum | cut -c1-16)
setup: $(STAMP) ## install everything into .venv from the package registries
$(STAMP):
	@echo "==> creating $(VENV) and installing the locked packages (one to three minutes the first time)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || \
		{ echo "Python 3.11 is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --require-hashes --python $(BIN)/python -r requirements/dev.txt
	@$(BIN)/uv pip install --quiet --no-deps --python $(BIN)/python -e .
	@rm -f $(VENV)/.installed-* && touch $@

lock: ## refresh requirements/*.txt from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --extra embedded --extra dev --generate-hashes --universal --python-version 3.11 --no-header -q -o requirements/dev.txt
	$(BIN)/uv pip compile pyproject.toml --generate-hashes --universal --python-version 3.11 --no-header -q -c requirements/dev.txt -o requirements/runtime.txt

proto: setup ## lint, format and generate code from proto/
	$(BIN)/python scripts/generate_proto.py && $(BIN)/python -m scripts.generate_clients

clients-generate: setup ## generate the code of all clients, also what is not committed
	$(BIN)/python -m scripts.generate_clients --all

docs: setup ## write the tables of settings in docs/OPERATING.md
	$(BIN)/python -m scripts.generate_settings_docs

fmt: setup ## format Python and proto files
	$(BIN)/ruff format . && $(BIN)/ruff check --fix-only -q . && $(BIN)/buf format -w

# What others built on goes on working: nothing released is removed, renumbered, renamed or moved to another package.
RELEASED := proto/released/contract.binpb

lint: setup ## ruff, buf, and whether the contracts keep what the released ones promise
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/buf lint && $(BIN)/buf format --diff --exit-code
	$(BIN)/buf breaking --against $(RELEASED)

contract-release: setup ## take the present contracts as released: from then on `make check` holds them
	$(BIN)/buf breaking --against $(RELEASED) && $(BIN)/buf build --exclude-source-info -o $(RELEASED)

type: setup ## mypy strict over everything, basedpyright's strictest mode over the protocol kit
	$(BIN)/mypy && $(BIN)/basedpyright --level error libs/ilpkit

arch: setup ## import contracts and the tidy test
	$(BIN)/lint-imports && $(BIN)/pytest -q tests/architecture

check: lint type arch ## everything that needs no server

run: setup ## two peered nodes with everything real, and one payment across (PORT_BASE=3000)
	@exec $(BIN)/python -m deploy.local

# The end-to-end tests share one local network, so they run in one process; the rest uses both cores.
test: export PYTHONHASHSEED := 0
test: setup ## all tests, with the servers they need
	$(BIN)/pytest -q -m "not e2e" -n $(or $(TEST_PROCESSES),2) --dist loadfile
	$(BIN)/pytest -q -m e2e

clients: setup ## build and test the clients in all languages, and pay with each on a local network
	CLIENTS=all $(BIN)/pytest -q -s tests/e2e/test_clients.py

coverage: setup ## branch coverage of the protocol kit; less than all of it fails
	$(BIN)/coverage run --branch --source=libs/ilpkit -m pytest -q tests/unit/ilpkit tests/fuzz
	$(BIN)/coverage report --fail-under=100 --skip-covered

fuzz: setup ## coverage-guided fuzzing of every decoder; SECONDS_EACH=60 and TARGETS= choose
	$(BIN)/pip install --quiet --disable-pip-version-check atheris
	$(BIN)/python -m tests.fuzz.fuzz_ilpkit --seconds $(or $(SECONDS_EACH),60) $(TARGETS)

fuzz-edge: setup ## random requests to running services, over REST and gRPC; FUZZ_REQUESTS=, FUZZ_CASES=, FUZZ_MESSAGES= and FUZZ_SEED= choose
	FUZZ_CASES=$(or $(FUZZ_CASES),50) FUZZ_REQUESTS=$(or $(FUZZ_REQUESTS),1200) FUZZ_MESSAGES=$(or $(FUZZ_MESSAGES),100) \
		$(BIN)/pytest -q -s --timeout 3600 tests/integration/rest tests/integration/auth/test_fuzz.py tests/integration/backend/admin/test_fuzz.py

growth: setup ## what the directory holds and a change costs, with 1,000,000 wallet addresses and 10,000 peers
	$(BIN)/python -m bench.bench_directory --wallets 1000000 --peers 10000

chaos: setup ## kill and freeze every part at random under load, then audit all books; KILLS= and SEED= choose
	$(BIN)/python -m tests.chaos --kills $(or $(KILLS),30) $(if $(SEED),--seed $(SEED))

simulate: setup ## whole nodes on one seed in virtual time: SEED= is the first, COUNT= how many (10,000 take some minutes)
	$(BIN)/python -m tests.simulation --seed $(or $(SEED),0) --count $(or $(COUNT),10000) $(if $(FAULT),--fault "$(FAULT)")

.PHONY: chaos simulate growth help setup contract-release clients clients-generate lock proto docs fmt lint type arch check test coverage fuzz fuzz-edge run

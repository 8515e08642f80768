# Two commands to know: `make demo` shows the whole story, `make test` proves it. Each works alone on a machine
# that has only Python 3.11 and make; the first run creates .venv and installs what uv.lock names.

VENV := .venv
RUN := $(VENV)/bin
ARGS ?=
WORKERS ?= auto

.DEFAULT_GOAL := help
.PHONY: help demo test check static format proof bench spark setup docs fhirpath-page lock image clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: ## The whole story on loopback with synthetic people; ARGS=--once ends when it is checked
	@scripts/setup run
	@$(RUN)/hub demo $(ARGS)

test: setup ## All tests, the browser's too (installs Chromium when it may); ARGS="-k name" narrows, WORKERS=0 runs one by one
	@$(RUN)/python -m tests.chromium
	@$(RUN)/python -m tests.r4
	@$(RUN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist worksteal $(ARGS)

check: static test ## What a change must pass: format, lint, types, layers, tests

static: setup ## The part of check that runs nothing
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports --no-logo

format: setup ## Format the code and fix what can be fixed
	$(RUN)/ruff check --fix-only --quiet .
	$(RUN)/ruff format .

proof: setup ## Long-running evidence: processes killed at random moments, long fuzzing
	@$(RUN)/python -m tests.chromium
	@$(RUN)/python -m pytest -m proof --timeout 1800 $(ARGS)

bench: setup ## Benchmarks with their gates
	@$(RUN)/uv sync --locked --quiet --inexact --group bench
	@$(RUN)/python -m pytest -m bench --timeout 1800 -s $(ARGS)

spark: setup ## The search on Spark against the search on one machine (installs Java when it may)
	@$(RUN)/uv sync --locked --quiet --inexact --extra spark
	@$(RUN)/python -m tests.java
	@$(RUN)/python -m pytest -m spark --timeout 1800 $(ARGS)

setup: ## .venv with everything for development
	@scripts/setup dev

docs: setup ## Pages that are made from the code
	@$(RUN)/python -m tests.house.settings_page
	@$(RUN)/python -m tests.house.validation_page

fhirpath-page: setup ## docs/fhirpath.md, from the public test cases of FHIRPath (needs mvn)
	@$(RUN)/python -m tests.house.fhirpath_page

lock: setup ## Bring uv.lock up to pyproject.toml
	$(RUN)/uv lock

image: ## Container image
	docker build --tag lianqiao .

clean: ## Remove what was installed and cached (never a database)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

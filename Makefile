# Everything is set up from nothing but Python 3.11+ and make: each target builds its own .venv first.
PYTHON ?= python3
BIN := .venv/bin
NAME ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check fix bench prove lock clean chromium java

help: ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

.venv/ready: requirements/uv.txt requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

.venv/bench: .venv/ready requirements/bench.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/bench.txt
	@touch $@

NODE := tests/web/node/node_modules/.package-lock.json
$(NODE): .venv/ready tests/web/node/package-lock.json
	$(BIN)/npm ci --prefix tests/web/node --ignore-scripts --no-audit --no-fund --silent
	@touch $@

setup: .venv/ready ## Make .venv with everything pinned by hash

chromium: ## Install a Chromium, for the tests of the browser snippet, where none is there
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium; \
	else echo "no Chromium: the tests of the browser snippet are skipped (as root: apt-get install chromium)"; fi

java: ## Install a Java runtime, for the tests of Spark, where none is there
	@command -v java >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && apt-get install -qq -y --no-install-recommends openjdk-17-jre-headless; \
	else echo "no Java: the tests of Spark are skipped (as root: apt-get install openjdk-17-jre-headless)"; fi

demo: .venv/ready ## Run the whole loop on real shop data into demo/
	$(BIN)/omnimix demo demo

test: .venv/ready $(NODE) chromium java ## Run the tests and the code checks
	$(BIN)/python -m pytest -n 2 --dist loadgroup
	@$(MAKE) --no-print-directory check

check: .venv/ready ## Format, lint, types, import order, shape
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -p no:randomly tests/repo

fix: .venv/ready ## Format and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/bench ## Speed against a peer or a floor: make bench [NAME=journey]
	$(BIN)/python -m benchmarks $(NAME)

prove: .venv/bench $(NODE) java ## Statistical, crash and fuzz campaigns: make prove [NAME=ladder]
	$(BIN)/python -m proofs $(NAME)

lock: .venv/ready ## Renew the locked dependencies
	$(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-header -q pyproject.toml --all-extras --group dev -o requirements/dev.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q pyproject.toml --all-extras --group dev --group bench -c requirements/dev.txt -o requirements/bench.txt

clean: ## Remove what the targets made
	rm -rf .venv demo/.omnimix demo/out build dist .mypy_cache .pytest_cache .ruff_cache

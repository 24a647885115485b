# Everything here runs in .venv, which `make setup` makes; the recipes stay one line each.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
STEP := infra/dev/step.sh
# make tests TESTS="tests/unit/config -k secret"
TESTS ?=
WORKERS ?= 2
UPGRADE ?=
HISTORY ?=
FAULTS ?=

.PHONY: chaos-workers outages test-compose schemas chaos faults help setup demo test static lint types layers docs-check tests format docs quality bench bench-kafka bench-history bench-age lock clean distclean

help:  ## This list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

setup:  ## Make .venv from requirements.lock; quick when nothing changed.
	@infra/dev/setup.sh

demo: setup  ## Two simulated cameras through everything into SQL.
	@$(BIN)/posebus demo

test: setup  ## All checks: lint, types, import layers, generated docs, tests.
	@$(MAKE) static
	@$(MAKE) tests

static: setup  ## The checks that run no test.
	@$(MAKE) --jobs 2 --output-sync=target types lint layers docs-check

lint: setup  ## Style and format, by ruff.
	@$(STEP) "lint: ruff check" $(BIN)/ruff check --quiet .
	@$(STEP) "lint: ruff format" $(BIN)/ruff format --check --quiet --diff .

types: setup  ## Types, by mypy.
	@$(STEP) "types: mypy" $(BIN)/mypy

layers: setup  ## Who may import whom, by import-linter.
	@$(STEP) "layers: import-linter" $(BIN)/lint-imports --no-cache

docs-check: setup  ## Whether the generated pages say what the code says.
	@$(STEP) "docs: generated pages" $(BIN)/python infra/dev/make_docs.py --check

tests: setup  ## The tests alone; TESTS="tests/unit -k name" for some of them.
	@infra/dev/servers.sh
	@$(BIN)/pytest -q -n $(WORKERS) --dist loadgroup $(TESTS)

format: setup  ## Rewrite the code in the project's format.
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

docs: setup  ## Write the generated pages of docs/.
	@$(BIN)/python infra/dev/make_docs.py

schemas: setup  ## Keep the newest version of every schema in its history, with golden bytes.
	@PYTHONPATH=. $(BIN)/python infra/dev/freeze_schemas.py

quality: setup  ## Compare scenes and clips with the truth: tables in docs/quality.md.
	@PYTHONPATH=. $(BIN)/python -m tests.quality

test-compose: setup  ## docker-compose.yml brought up for real, every service of it crashed, three cameras lost.
	@PYTHONPATH=. $(BIN)/python -m tests.compose

chaos: setup  ## Kill a run fifty times and compare what it leaves: docs/reliability.md.
	@PYTHONPATH=. $(BIN)/python -m tests.chaos

faults: setup  ## Lose twenty cameras five hundred times at once: docs/reliability.md.
	@infra/dev/servers.sh
	@PYTHONPATH=. $(BIN)/python -m tests.faults --report docs/reliability.md $(FAULTS)

outages: setup  ## Brokers killed and stopped under load, pose away, for as long as it happens in life.
	@infra/dev/servers.sh broker
	@POSEBUS_LONG=1 $(BIN)/pytest -q tests/integration/kafka/test_outages.py tests/chaos/test_backpressure.py

chaos-workers: setup  ## Kill workers over Kafka a hundred times: docs/reliability.md.
	@infra/dev/servers.sh broker
	@PYTHONPATH=. $(BIN)/python -m tests.chaos.workers

bench: setup  ## Measure speed: a table and JSON in docs/performance.md.
	@$(BIN)/python -m benchmarks

bench-kafka: setup  ## Measure workers over a real broker: a section of docs/performance.md.
	@infra/dev/servers.sh broker
	@$(BIN)/python -m benchmarks.over_kafka

bench-history: setup  ## Fill months of history and ask them: a section of docs/performance.md; HISTORY="--full".
	@$(BIN)/python -m benchmarks.history $(HISTORY)

bench-age: setup  ## How old results of live cameras are under load, a quarter of an hour: a section of docs/performance.md.
	@$(BIN)/python -m benchmarks.bounded_age
	@infra/dev/servers.sh broker
	@$(BIN)/python -m benchmarks.kafka_load

lock: setup  ## Write requirements.lock from pyproject.toml; UPGRADE=--upgrade for newest versions.
	@$(BIN)/uv pip compile --quiet $(UPGRADE) --universal --generate-hashes --python-version 3.11 --override infra/lock/overrides.txt pyproject.toml --group dev -o requirements.lock

clean:  ## Remove caches and what was built.
	@rm -rf build dist .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find pipeline stages tests benchmarks infra -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean  ## Remove .venv and .uv as well.
	@rm -rf .venv .uv

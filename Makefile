# Shortcuts for `python3 .ci/dev.py …`, which works without make.
PYTHON ?= python3

help:  ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1	/' | expand -t 10

try:  ## set up, then draw, compile and run an example
	$(PYTHON) .ci/dev.py try

test:  ## set up, then run all tests (ARGS="-k fmt" for some)
	$(PYTHON) .ci/dev.py test $(ARGS)

update:  ## accept what the goldens now are; read the diff before committing
	$(PYTHON) .ci/dev.py test --update

lint:  ## ruff and mypy --strict
	$(PYTHON) .ci/dev.py lint

format:  ## ruff's formatter
	.venv/bin/ruff format .

bench:  ## measure, and write benchmarks/record.md
	$(PYTHON) .ci/dev.py bench

wheel:  ## build dist/*.whl
	.venv/bin/python -m pip wheel --no-deps --wheel-dir dist .

studies:  ## set up, then check what compiled programs learn on real data (ARGS="copying" for some; minutes)
	$(PYTHON) .ci/dev.py studies $(ARGS)

gallery:  ## build docs/gallery and the other figures of docs/ from the examples
	$(PYTHON) .ci/dev.py gallery

clean:  ## remove what the other targets made
	rm -rf .venv build dist try .pytest_cache .mypy_cache .ruff_cache .hypothesis

.PHONY: help try test update lint format bench wheel studies gallery clean
.DEFAULT_GOAL := help

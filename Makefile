# make compare: set up .venv and run the comparison.   make test: lint, types and tests.
PYTHON ?= python3
# For example PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PIP_ARGS ?=
ARGS ?= --img 224 --R 8,4,2,1

PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt $(PIP_ARGS)

.PHONY: compare test bench clean

compare: .venv/installed
	.venv/bin/pvtprof compare $(ARGS)

test: .venv/installed-test
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/pytest --benchmark-skip

bench: .venv/installed-test
	.venv/bin/pytest --benchmark-only -q

.venv/installed: pyproject.toml .ci/constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) -e .
	touch $@

.venv/installed-test: pyproject.toml .ci/constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) -e ".[test]"
	touch $@ .venv/installed

clean:
	rm -rf .venv

# make compare: set up .venv and run the comparison.   make test: lint, types, tests, benchmarks, exact gates.
# make test-all: the tests alone, with everything that make test takes a sample of.
# make docs-check: the tests of README and docs alone, which are part of make test.
# make gpu: on a machine with CUDA, everything that only a GPU can say, into reports/gpu (25 minutes
# at most). It needs no .venv: the packages that pvtprof needs on PYTHONPATH are enough.
PYTHON ?= python3
# On Linux, PyPI's torch is the CUDA build: take the CPU build from torch's own index, unless pip is
# set up with wheels of its own (find-links). Override with PIP_ARGS=...
CPU_INDEX := --extra-index-url https://download.pytorch.org/whl/cpu
PIP_ARGS ?= $(if $(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null),,$(CPU_INDEX))
ARGS ?= --img 224 --R 8,4,2,1
# Tests start Python hundreds of times: it compiles pvtprof once, not at each start.
export PYTHONDONTWRITEBYTECODE :=

PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt $(PIP_ARGS)

.PHONY: compare test test-all docs-check bench gpu clean

compare: .venv/installed
	.venv/bin/pvtprof compare $(ARGS)

test: .venv/installed-test
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	OMP_NUM_THREADS=1 .venv/bin/pytest -n 2 --dist worksteal -m "not clock and not bench"
	.venv/bin/pytest -m clock tests/check
	.venv/bin/pytest tests/bench --benchmark-only --benchmark-max-time=0.3 --benchmark-min-rounds=3 --benchmark-json=.benchmarks/last.json -q
	.venv/bin/pvtprof check reports/baseline-pvt_v2_b2-224.json

test-all: .venv/installed-test
	PVTPROF_TRIALS=all OMP_NUM_THREADS=1 .venv/bin/pytest -n 2 --dist worksteal -m "not clock and not bench"
	.venv/bin/pytest -m clock tests/check

docs-check: .venv/installed-test
	OMP_NUM_THREADS=1 .venv/bin/pytest tests/docs -q

gpu:
	$(PYTHON) -m tests.gpu

bench: .venv/installed-test
	.venv/bin/pytest tests/bench --benchmark-only -q

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

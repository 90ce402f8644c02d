# make qualify   the quick qualification on the simulated bench: report and verdicts
# make test      linters, tests, and the tests once more on the built wheel
# make check     linters only
# make bench     speed, beside peers
# make accuracy  errors against closed forms, beside peers
# make docs      writes docs/qualification.md from sequences, criteria and campaign
# make ablation  which test notices which flaw: writes docs/ablation.md
# Each sets up what it needs in .venv; only Python 3.11 or later and make must be there.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
PYTEST := -m pytest -q -n 3 --dist worksteal

# Packages are compiled when first imported, once: the tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: qualify test check bench accuracy docs ablation clean

qualify: .venv/all
	$(BIN)/hil qualify

test: check
	$(BIN)/python $(PYTEST)
	$(MAKE) wheel-test

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports --no-cache

# The wheel is what users get: a module or a data file forgotten in pyproject.toml fails only there.
# What formulas give does not depend on packaging; those tests run in the tree alone.
.PHONY: wheel-test
wheel-test: .venv/dev
	set -e; out=$$(mktemp -d); trap 'rm -rf "$$out"' EXIT; \
	$(BIN)/python -m build -q --wheel --outdir "$$out" .; \
	$(PYTHON) -m venv "$$out/venv"; \
	"$$out/venv/bin/python" -m pip --disable-pip-version-check -q install --no-compile -c constraints.txt \
	    "$$(ls $$out/*.whl)[all]" pytest pytest-timeout pytest-xdist hypothesis; \
	mkdir -p "$$out/work/data"; \
	cp -r tests "$$out/work/"; cp -r data/captures "$$out/work/data/"; cp pyproject.toml "$$out/work/"; \
	cd "$$out/work" && "$$out/venv/bin/python" $(PYTEST) -m "not source and not thorough" \
	    --ignore=tests/analysis --ignore=tests/plant

bench: .venv/dev
	$(BIN)/python benchmarks/plant.py
	$(BIN)/python benchmarks/plant_batch.py
	$(BIN)/python benchmarks/phasor.py
	$(BIN)/python benchmarks/dry_run.py
	$(BIN)/python benchmarks/campaign.py
	$(BIN)/python benchmarks/analysis.py
	$(BIN)/python benchmarks/formats.py
	$(BIN)/python benchmarks/step.py

accuracy: .venv/dev
	$(BIN)/python benchmarks/accuracy.py
	$(BIN)/python benchmarks/plant_accuracy.py

docs: .venv/dev
	$(BIN)/python docs/qualification.py

ablation: .venv/dev
	$(BIN)/python benchmarks/ablation.py

.venv/all: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install --no-compile -c constraints.txt -e '.[all]'
	touch $@

.venv/dev: .venv/all
	$(PIP) install --no-compile -c constraints.txt -e '.[all,dev,bench]'
	touch $@

clean:
	rm -rf .venv build *.egg-info

# The commands of the house. A fresh machine needs Python 3.11 or later and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One stamp a set of extras: an environment is made once and again only when the project's needs change.
INSTALL = $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --constraint constraints.txt

.PHONY: demo test slow lab lint docs bench fuzz browser clean

demo: $(VENV)/.base
	$(BIN)/electra demo --out demo-out

lab: $(VENV)/.base
	$(BIN)/electra lab

test: $(VENV)/.test
	$(BIN)/python -m pytest -n auto --dist loadfile tests
	$(BIN)/python -m pytest -n auto --dist loadfile --nbval-lax notebooks

slow: $(VENV)/.test
	$(BIN)/python -m pytest -n auto --dist loadfile tests/slow

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.docs
	$(BIN)/sphinx-build -W -q -b html docs docs/_build/html

bench: $(VENV)/.test $(VENV)/.bench
	$(BIN)/python -m tests.bench

# Damaged documents by the hundred thousand against both sides of EBICS, damaged bank files against every reader,
# and the property tests with examples nobody chose; some minutes.
fuzz: $(VENV)/.test
	$(BIN)/python -m tests.fuzz
	$(BIN)/python -m pytest -n auto --dist loadfile --hypothesis-profile="new examples" tests
	ELECTRA_FUZZ_LINES=1000 $(BIN)/pytest tests/test_bank_serve.py -k breaks_the_rules

# Needs Debian's chromium; skips with a clear word where it is missing.
browser: $(VENV)/.browser
	$(BIN)/python -m pytest -rs tests/browser

clean:
	rm -rf $(VENV) demo-out docs/_build .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.base: pyproject.toml constraints.txt
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.test $(VENV)/.bench $(VENV)/.lint $(VENV)/.docs $(VENV)/.browser: $(VENV)/.%: pyproject.toml constraints.txt
	$(INSTALL) --editable '.[$*]'
	@touch $@ $(VENV)/.base

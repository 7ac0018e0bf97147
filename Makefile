# `make` prints this help. Every target creates .venv and installs what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-all test-browser fuzz attack check format docs bench gpu-check gpu-poster wheel clean

help: ## print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

$(READY): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[test,check]'
	touch $(READY)

setup: $(READY) ## create .venv with nachash and its development tools

demo: $(READY) ## train, encode, search and measure on real digits; writes demo/report.html
	$(BIN)/nachash demo --out demo --overwrite

test: $(READY) ## the fast tests
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

test-slow: $(READY) ## the tests that take long or need real data
	$(BIN)/python -m pytest -m 'slow and not attack'

test-all: $(READY) ## every test, also the slow and the real-data ones
	$(BIN)/python -m pytest -m 'not attack'

test-browser: $(READY) ## the served page in Chromium (Debian's `chromium`); build/screenshots
	NACHASH_SCREENSHOTS=build/screenshots $(BIN)/python -m pytest -m slow tests/server/test_browser.py

fuzz: $(READY) ## ten thousand damaged pictures and index files (about twenty minutes)
	NACHASH_FUZZ=10000 $(BIN)/python -m pytest -m slow tests/index/test_damage.py tests/images/test_fuzz.py

attack: $(READY) ## every call of every verb refused and killed, 5,000 damaged indexes, hostile files (hours)
	NACHASH_ATTACKS=5000 NACHASH_FUZZ=2000 $(BIN)/python -m pytest -m '' tests/index/test_attacks.py \
	  tests/index/test_writing_verbs.py tests/index/test_damage.py tests/index/test_index_crash.py tests/images/test_fuzz.py \
	  tests/images/test_apart.py tests/images/test_hostile_archives.py tests/inference tests/server/test_slow_clients.py \
	  tests/server/test_guard.py tests/tasks/test_no_code_from_files.py tests/cli/test_settings_files.py

check: $(READY) ## formatting, lint, types, architecture, spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

format: $(READY) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(READY) ## write the generated parts of README.md and docs/
	$(BIN)/python docs/generate.py

bench: $(READY) ## run every benchmark and write docs/benchmarks.md
	$(BIN)/python benchmarks/run.py

gpu-check: $(READY) ## compare a GPU with the CPU, and measure it; one line where there is none
	$(BIN)/python tools/gpu_check.py

gpu-poster: $(READY) ## twelve minutes of the poster's hashing rows at full length; again to go on
	$(BIN)/python tools/gpu_poster.py

wheel: $(READY) ## build the wheel into dist/
	$(BIN)/pip install --quiet build
	$(BIN)/python -m build --wheel

clean: ## remove .venv and everything that was built
	rm -rf $(VENV) build dist demo runs .pytest_cache .ruff_cache .mypy_cache

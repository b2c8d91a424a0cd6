# Two commands for a stranger: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
SDKS   := .venv-sdks
TOKENS := .venv-tokens

.DEFAULT_GOAL := help
.PHONY: help setup compiled demo test tokens sdks check soak bench docs lock format clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 10

setup: $(STAMP) ## create .venv from the lock

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "headgate needs Python 3.11 or newer; say make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv --clear $(VENV)
	grep -A99 '^uv==' requirements.lock | awk 'NR>1 && !/^ /{exit} {print}' > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $(STAMP)

# Every process of Headgate imports the same modules: compiled once, they start in half the time, also where Python is
# told not to write bytecode by itself.
compiled: $(STAMP)
	@$(BIN)/python -m compileall -q schemas routing producers reporting workers

demo: compiled ## run examples/requests.jsonl against the simulator and print the cost report
	$(BIN)/headgate run examples/requests.jsonl -o replies.jsonl --force
	$(BIN)/headgate report cost

test: compiled ## the tests, without the soak
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not soak"

tokens: compiled $(TOKENS)/.installed ## the tests of token counts, with the extra headgate[tokens]
	PYTHONPATH=$(TOKENS) $(BIN)/python -m pytest --quiet tests/routing/tokens

# Beside the environment, not in it: with the extra, every test would run on vocabularies that most users do not have.
$(TOKENS)/.installed: tests/routing/tokens/requirements.lock | $(STAMP)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --target $(TOKENS) --no-deps --require-hashes -r $<
	touch $@

sdks: compiled $(SDKS)/.installed ## the providers' own SDKs judge the simulator's answers and our requests
	$(SDKS)/bin/python -m pytest -c tests/sdks/pytest.ini tests/sdks

# An environment of its own: the clients may want other versions of what Headgate needs too.
$(SDKS)/.installed: tests/sdks/requirements.lock | $(STAMP)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(SDKS)
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(SDKS)/bin/python --require-hashes -r $<
	touch $@

check: setup ## format, lint, types, contracts, docs
	$(BIN)/ruff format --check . compose/kafka
	$(BIN)/ruff check . compose/kafka
	$(BIN)/mypy
	$(BIN)/pyright
	PYTHONPATH=.typing $(BIN)/lint-imports --config pyproject.toml --no-logo
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

soak: compiled ## the long fault runs
	$(BIN)/python -m pytest -m soak --timeout 3600

bench: compiled ## requests/s and CPU per request beside a bare aiohttp loop: fills the tables of docs/benchmarks.md
	$(BIN)/python -m benchmarks --page docs/benchmarks.md

docs: setup ## serve the documentation
	$(BIN)/mkdocs serve

format: setup ## format and fix what can be fixed
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

LOCKED := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --upgrade --quiet

lock: ## rewrite all locks with current releases
	$(LOCKED) --group dev pyproject.toml -o requirements.lock
	$(LOCKED) tests/sdks/requirements.in -o tests/sdks/requirements.lock
	$(LOCKED) tests/routing/tokens/requirements.in -o tests/routing/tokens/requirements.lock

clean: ## remove what the commands above made
	-compose/kafka down
	rm -rf $(VENV) $(SDKS) $(TOKENS) .headgate .kafka .pytest_cache .mypy_cache .ruff_cache .hypothesis site build dist *.egg-info

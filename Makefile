# Every target does its own set-up from nothing: system libraries, .venv, packages (see packaging/bootstrap.py).
# The stamps carry the folder's name, so that a tree that was moved or copied is set up anew.
PYTHON ?= python3
PY := .venv/bin/python
WHERE := $(shell printf '%s' '$(CURDIR)' | cksum | cut -d' ' -f1)
RUN_READY := .venv/.ready-run-$(WHERE)
DEV_READY := .venv/.ready-dev-$(WHERE)
ENGINE_READY := .venv/.ready-engine-$(WHERE)
PINS := packaging/requirements.txt packaging/requirements-starter.txt packaging/bootstrap.py
ENGINE_PINS := $(wildcard packaging/requirements-engine*.txt)
COMPILED := .venv/.compiled-$(WHERE)
SOURCES := $(shell find app ui backend_embedded -name '*.py' 2>/dev/null)
CODE := app ui backend_embedded tests packaging
ARGS ?=

.DEFAULT_GOAL := run
.PHONY: run setup test check test-services bench bench-services soak screenshots clean

run: $(RUN_READY) $(COMPILED)
	@exec $(PY) -m app $(ARGS)

setup: $(DEV_READY)

test: $(DEV_READY) $(ENGINE_READY)
	@$(PY) -m pytest -rs $(ARGS)

check: $(DEV_READY)
	@$(PY) -m ruff format --check $(CODE)
	@$(PY) -m ruff check $(CODE)
	@$(PY) -m mypy
	@.venv/bin/lint-imports --no-cache

test-services: $(DEV_READY)
	@$(PY) packaging/test_services.py $(ARGS)

bench: $(DEV_READY) $(ENGINE_READY) $(COMPILED)
	@$(PY) tests/bench/run.py $(ARGS)

# The figures beside real servers, which it fetches as `make test-services` does
bench-services: $(DEV_READY)
	@$(PY) tests/bench/run.py --services $(ARGS)

# 200 random kills of every process while answers stream, and 100 of the backend while it writes; `make test` does a few.
# Then all that is tried on made-up examples, with other examples than those that `make test` has every time.
soak: $(DEV_READY) $(ENGINE_READY)
	@SUTAZAI_KILLS=$${SUTAZAI_KILLS:-200} SUTAZAI_WRITE_KILLS=$${SUTAZAI_WRITE_KILLS:-100} \
	  $(PY) -m pytest -rs tests/process/test_random_kills.py tests/process/test_write_kills.py $(ARGS)
	@$(PY) -m pytest -rs -m "hypothesis and not services" --hypothesis-profile=others $(ARGS)

screenshots: $(DEV_READY)
	@$(PY) tests/journeys/screenshots.py $(ARGS)

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN_READY): $(PINS)
	@$(PYTHON) packaging/bootstrap.py --stamp $@

$(DEV_READY): $(PINS) packaging/requirements-dev.txt
	@$(PYTHON) packaging/bootstrap.py --dev --stamp $@
	@touch $(RUN_READY)

$(ENGINE_READY): $(ENGINE_PINS) | $(DEV_READY)
	@$(PY) -m backend_embedded.llm.engine
	@touch $@

# Bytecode of the program itself: where PYTHONDONTWRITEBYTECODE is set, each start would compile it anew.
$(COMPILED): $(SOURCES) | $(RUN_READY)
	@env -u PYTHONDONTWRITEBYTECODE $(PY) -m compileall -q app ui backend_embedded
	@touch $@

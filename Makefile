# Two commands do everything: `make run` and `make test`. Both set up .venv on their own.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input

.PHONY: setup run test test-fast test-image check bench docs results lock clean

run: setup  ## live one demo hour (the first time after 30 replayed days) and draw the equity curve
	@$(BIN)/python main.py demo

setup: $(VENV)/runtime  ## the runtime environment in .venv

$(VENV)/python-found:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=python3.12, for example")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@touch $@

# Hashes are required for everything that is downloaded; the project itself is linked, not copied.
$(VENV)/runtime: requirements.txt pyproject.toml | $(VENV)/python-found
	@echo "setting up $(VENV), once (about a minute)"
	@$(PIP) install --require-hashes --requirement requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: requirements-dev.txt $(VENV)/runtime
	@$(PIP) install --require-hashes --requirement requirements-dev.txt
	@touch $@

test: $(VENV)/dev  ## all tests but the image's
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not image"

test-fast: $(VENV)/dev  ## the tests that need no server, no second process and no real klines
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow and not real_data and not image"

test-image: $(VENV)/dev  ## build the container image and run the bot in it; scripts/install-debian.sh gets what it needs
	$(BIN)/python -m pytest -m image tests/test_image.py

check: $(VENV)/dev  ## formatting, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev  ## the figures of docs/performance.md, on this machine
	$(BIN)/python scripts/bench.py

docs: $(VENV)/dev  ## write docs/settings.md from the code
	$(BIN)/python scripts/docs.py

results: $(VENV)/dev  ## write docs/results.md and its chart; RESULTS="--store FOLDER ..." says from what
	$(BIN)/python scripts/results.py $(RESULTS)

lock: $(VENV)/dev  ## compile the pins after a change of requirements*.in
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make lock" requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make lock" requirements-dist.in -o requirements-dist.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make lock" requirements-dev.in -o requirements-dev.txt

clean:  ## remove the environment; stores and results stay
	rm -rf $(VENV) build *.egg-info

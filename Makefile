# `make` lists the targets. All that is installed goes into .venv; nothing else on the machine changes.
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check
STAMP := $(VENV)/.setup
STAMP_NPU := $(VENV)/.setup-npu
STAMP_DEV := $(VENV)/.setup-dev
JOBS ?= 2
KILLS ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup npu sweep ui test faults lint types pictures bench clean
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "PYTHON=python3.12      another Python (3.11 or newer) for make setup"
	@echo "TORCH_INDEX=URL        another package index for torch and torchvision, such as the CPU builds (docs/install.md)"
	@echo "JOBS=4                 as many tests at a time (make test; 2 by default)"
	@echo "KILLS=20               as many kills of each kind (make faults; 3 by default)"
	@echo "FAULTS_TABLE=FILE      a file for the table of make faults, in Markdown"
	@echo "ARGS='seed=1,2 …'      more overrides for make sweep"

setup: $(STAMP) ## install into .venv, and nothing else
	@echo "Installed. Run it with $(RUN) -m sweep, or activate it: source $(VENV)/bin/activate"
	@echo "Another Python or another build of torch: make clean, then make setup PYTHON=… TORCH_INDEX=…"

npu: $(STAMP_NPU) ## install the vendor compilers that live beside ours: Arm's Vela, Qualcomm's QNN (1 GB)

sweep: $(STAMP) ## train the grid of the README: levels 2, 3, 4 x ReLU, LeakyReLU
	$(RUN) -m sweep level=2,3,4 act=relu,leakyrelu $(ARGS)

ui: $(STAMP) ## MLflow's UI on 127.0.0.1
	$(RUN) -m sweep ui $(ARGS)

test: lint types $(STAMP_DEV) ## lint, types and all tests with coverage
	$(RUN) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered $(ARGS)

faults: $(STAMP_DEV) ## kill, starve and confuse real sweeps, and print what came of it
	KILLS=$(KILLS) FAULTS_TABLE=$(FAULTS_TABLE) $(RUN) -m pytest tests/faults --durations=0 $(ARGS)

lint: $(STAMP_DEV) ## ruff and the import contracts
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/lint-imports --no-logo

types: $(STAMP_DEV) ## mypy, strict
	$(VENV)/bin/mypy

pictures: $(STAMP_DEV) ## the README's pictures, from the last sweep in mlruns (needs chromium)
	$(RUN) docs/pictures.py $(ARGS)

bench: $(STAMP_DEV) ## six cells against a shell loop of `yolo detect train`
	$(RUN) benchmarks/grid.py $(ARGS)

clean: ## remove .venv and caches; results in mlruns/ stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* htmlcov dist build

# A venv is made once. Where pip stops half-way, the stamp is missing and the next make goes on.
$(RUN):
	@for python in $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python); do \
		$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		echo "Using $$($$python --version) for $(VENV)"; \
		$$python -m venv $(VENV) && exit 0; \
		rm -rf $(VENV); \
	done; \
	echo "No Python 3.11 or newer that can make a virtual environment$(if $(PYTHON), at PYTHON=$(PYTHON))." >&2; \
	echo "Install one (Debian and Ubuntu: apt-get install python3 python3-venv), or name it: make setup PYTHON=/path/to/python3.12" >&2; \
	exit 1

$(STAMP): pyproject.toml constraints.txt | $(RUN)
	$(if $(TORCH_INDEX),$(PIP) install --no-deps --index-url $(TORCH_INDEX) -c constraints.txt torch torchvision)
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(STAMP_NPU): pyproject.toml constraints.txt | $(STAMP)
	$(PIP) install -c constraints.txt -e '.[npu]'
	@touch $@

$(STAMP_DEV): pyproject.toml constraints.txt | $(STAMP)
	$(PIP) install -q -c constraints.txt -e '.[dev,npu]'
	@touch $@

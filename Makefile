# `make run` and `make test` are all that a stranger needs; both set up first.

.DEFAULT_GOAL := help
.PHONY: run test setup lint benchmark notebooks regression tree clean help

PYTHON_BIN := .venv/bin/python
READY := .venv/.ready
export HF_HUB_OFFLINE ?= 1
export WANDB_MODE ?= offline

run: setup ## Evaluate the shipped chatvla_tiny on sort_toys (more overrides: ARGS="trials=50 workers=2")
	$(PYTHON_BIN) experiments/run.py env=sort_toys $(ARGS)

test: setup ## Run all tests on two cores (a selection: ARGS="-k name")
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(PYTHON_BIN) -m pytest -n 2 $(ARGS)

setup: $(READY) ## Make .venv with every version of constraints.txt (another interpreter: PYTHON=python3.12)

$(READY): pyproject.toml constraints.txt
	@PYTHON="$(PYTHON)" .ci/setup

lint: setup ## ruff and pyright
	$(PYTHON_BIN) -m ruff check .
	$(PYTHON_BIN) -m pyright

benchmark: setup ## Measure the simulation's speed, the policy's, and the expert (experiments/benchmarks/README.md)
	$(PYTHON_BIN) -m experiments.benchmarks.env_speed
	$(PYTHON_BIN) -m experiments.benchmarks.inference_speed
	$(PYTHON_BIN) -m experiments.benchmarks.expert

notebooks: setup ## Execute notebooks/ for real, where they lie (some: ARGS="01 07")
	$(PYTHON_BIN) -m experiments.notebooks $(ARGS)

regression: setup ## Record anew what tests/test_regression.py compares with: the expert on two test layouts of every task
	rm -rf tests/regression
	$(PYTHON_BIN) experiments/run.py env=all policy=expert trials=2 video=none out=tests/regression

tree: setup ## Write the lists of files in the folders' READMEs anew from the files' first sentences
	$(PYTHON_BIN) .ci/tree.py

clean: ## Remove the environment and caches; outputs/ stays
	rm -rf .venv .pytest_cache .ruff_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## This list
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

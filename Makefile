# `make help` lists the targets. On Windows without make: python scripts\setup_envs.py, then the commands below with
# .venv\Scripts\python.exe.

ENVS ?=
DEVICE ?=
# The first interpreter that is new enough and that every framework has builds for; else whatever python3 is, which
# then says what is missing.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& { echo "$$python"; exit; }; done; echo python3)

VENV_PYTHON = .venv/bin/python
SETUP = $(PYTHON) scripts/setup_envs.py $(ENVS) $(if $(DEVICE),--device $(DEVICE))

.DEFAULT_GOAL := help
.PHONY: help setup demo test soak lint format bench lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: ## make what is missing of .venv and .venvs/ (ENVS="torch jax", DEVICE=cuda, PYTHON=python3.12)
	@$(SETUP)

demo: setup ## compare TensorFlow, PyTorch and JAX on scikit-learn's digits, in minutes
	$(VENV_PYTHON) -m src.main -m framework=tf,torch,jax protocol=quick dataset=digits training.epochs=1 \
		experiment=demo
	@echo
	@echo "Look at the runs:     .venv/bin/mlflow ui        then open the address that it prints"
	@echo "Compare frameworks:   $(VENV_PYTHON) -m src.report experiment=demo"

test: setup ## run all tests, two files at a time (ARGS="-k energy")
	$(VENV_PYTHON) -m pytest --numprocesses 2 --dist loadfile $(ARGS)

soak: setup ## the long tests at full size: damaged files and kills by the hundred (ARGS="-k fuzz")
	JOULEBENCH_SOAK=1 $(VENV_PYTHON) -m pytest -s tests/soak $(ARGS)

lint: ## check style and types
	@$(PYTHON) scripts/setup_envs.py orchestrator
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m mypy

format: ## bring the code into shape
	$(VENV_PYTHON) -m ruff check --fix .
	$(VENV_PYTHON) -m ruff format .

bench: setup ## run every benchmark in benchmarks/
	$(VENV_PYTHON) -m benchmarks.run_all $(ARGS)

lock: ## resolve scripts/requirements/*.in into lock files anew (ENVS="torch-cpu")
	$(PYTHON) scripts/lock.py $(ENVS)

clean: ## remove caches and half-made files; environments, data and results stay
	rm -rf .mypy_cache .pytest_cache .ruff_cache data/.*.part data/*/.*.part
	find src scripts tests hydra_plugins benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

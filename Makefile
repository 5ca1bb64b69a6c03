# make train ARGS="model=cnngan trainer.max_epochs=2"
# Only Python 3.11 to 3.14 and make are needed; everything else goes into .venv.

NULL := $(if $(filter Windows_NT,$(OS)),NUL,/dev/null)
# The newest that is there and that torch has packages for
PYTHONS := python3.14 python3.13 python3.12 python3.11 python3 python
PYTHON ?= $(firstword $(foreach name,$(PYTHONS),$(shell $(name) -c \
	"import sys, ensurepip; print('$(name)' if (3, 11) <= sys.version_info < (3, 15) else '')" 2> $(NULL))))
PIP_ARGS ?=
ARGS ?=
BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)

.PHONY: help train test lint format docs sweep paper why report bench tensorboard clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/\1\t\2/' | expand -t 14

train: .venv/installed ## train the default model; ARGS="model=cnngan ..." are passed on
	$(BIN)/python -m mnistgen $(ARGS)

test: .venv/installed-test ## run the whole test suite; ARGS="-k data" are passed on
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

lint: .venv/installed-test ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed-test ## format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/installed-docs ## build the documentation as a site, docs/_build/html/index.html
	$(BIN)/python -m sphinx -W --keep-going -n -q -b html docs docs/_build/html
	@echo docs/_build/html/index.html

sweep: .venv/installed ## try three learning rates; ARGS="model=cnnvae optim.lr=1e-3,1e-2" are passed on
	$(BIN)/python -m mnistgen -m $(or $(ARGS),optim.lr=1e-4,1e-3,1e-2)

# Run again, it goes on where it was stopped, and measures only what was not measured yet.
paper: .venv/installed ## train the paper's five for 50 epochs, measure, report; ARGS="seed=1,2,3" for three seeds
	$(BIN)/python -m mnistgen -m experiment=paper sweep=paper $(ARGS)
	$(BIN)/python -m mnistgen.evaluate run=outputs/sweeps/paper
	$(BIN)/python -m mnistgen.report runs=outputs

# The paper's rate of each model, then two more; a run that both have is trained once.
why: .venv/installed ## train the GANs with separate and with joint batches at three rates, measure, report
	$(BIN)/python -m mnistgen -m experiment=why sweep=why $(ARGS)
	$(BIN)/python -m mnistgen -m experiment=why sweep=why optim.lr=1e-4,1e-3 $(ARGS)
	$(BIN)/python -m mnistgen.evaluate run=outputs/sweeps/why
	$(BIN)/python -m mnistgen.report runs=outputs

report: .venv/installed ## report on all runs; ARGS="runs=... out=..." are passed on
	$(BIN)/python -m mnistgen.report $(ARGS)

bench: .venv/installed-bench ## measure the speed; ARGS="models=cnngan seconds=20" are passed on
	$(BIN)/python -m benchmarks $(ARGS)

tensorboard: .venv/installed ## show the curves of all runs
	$(BIN)/tensorboard --logdir outputs

clean: ## remove the environment and all caches, but no run
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache build dist docs/_build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/pyvenv.cfg:
	$(if $(PYTHON),,$(error no Python of version 3.11 to 3.14 is here: install one, or say make PYTHON=its-name))
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/pyvenv.cfg
	$(BIN)/pip install $(PIP_ARGS) -e .
	touch $@

.venv/installed-test: pyproject.toml | .venv/pyvenv.cfg
	$(BIN)/pip install $(PIP_ARGS) -e '.[test]'
	touch $@ .venv/installed .venv/installed-docs

.venv/installed-docs: pyproject.toml | .venv/pyvenv.cfg
	$(BIN)/pip install $(PIP_ARGS) -e '.[docs]'
	touch $@ .venv/installed

.venv/installed-bench: pyproject.toml | .venv/pyvenv.cfg
	$(BIN)/pip install $(PIP_ARGS) -e '.[joblib,tensorflow]'
	touch $@ .venv/installed

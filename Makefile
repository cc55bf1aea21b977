# make demo    fly the shipped controllers and the teach-and-repeat mission, write reports and bags
# make test    every check there is          make lint    the quick ones: style, types, imports
# make bench   speed, as ratios              make venv    only install, with everything for tests
# make clean   remove the environment, caches and builds
#
# PYTHON=python3.11 picks the interpreter, EXTRAS="train sim" adds optional sets from requirements/.

VENV   := .venv
BIN    := $(VENV)/bin
EXTRAS ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint bench venv clean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile

demo: $(VENV)/.package
	@$(BIN)/snn demo
	@$(BIN)/snn mission report teach_repeat --condition winter --out out/demo/mission

bench: $(VENV)/.package $(VENV)/.train
	@$(BIN)/snn bench

# Ruff, mypy and the import contract are tests too, so that one summary closes the run.
test: venv
	@ROS_PYTHON_CHECK_FIELDS=1 ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST $(BIN)/python -m pytest

lint: venv
	@$(BIN)/python -m pytest -q tests/architecture/test_lint.py tests/architecture/test_imports.py

venv: $(VENV)/.package $(VENV)/.test $(VENV)/.sim $(EXTRAS:%=$(VENV)/.%)

clean:
	rm -rf $(VENV) build install log *.egg-info .*_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first interpreter that really runs: a version manager's shims may stand in the path and fail.
SUITS := import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))
CANDIDATES := $(or $(PYTHON),python3.12 python3.11 python3.10 python3 python)

$(BIN)/python:
	@for python in $(CANDIDATES); do \
	  "$$python" -c '$(SUITS)' 2>/dev/null || continue; \
	  echo "Making $(VENV) with $$("$$python" --version)"; \
	  exec "$$python" -m venv --clear $(VENV); \
	done; \
	echo "No Python 3.10, 3.11 or 3.12 with venv among: $(CANDIDATES). Install one, or name it: make PYTHON=/path/to/python" >&2; \
	exit 1

# A stamp is written last, so an interrupted installation is taken up again.
$(VENV)/.%: requirements/%.txt | $(BIN)/python
	@echo "Installing $<"
	@$(BIN)/python -m pip install -qq -r $<
	@touch $@

$(VENV)/.package: setup.py setup.cfg package.xml pyproject.toml $(wildcard */__init__.py) | $(VENV)/.core $(VENV)/.ros
	@echo "Installing the package, editable"
	@$(BIN)/python -m pip install -qq --no-deps --editable .
	@touch $@

# Every target does its own set-up. Needed: git, CPython 3.11+, a C compiler, a package index.
#
# VENV is the environment for work on the tree: the one named, else the active one, else .venv. The tests have their
# own, .venv-wheel, because they run against the installed wheel and would replace what VENV holds.

VENV ?= $(or $(VIRTUAL_ENV),.venv)
override VENV := $(abspath $(VENV))
NATIVE := $(shell find native -name '*.[ch]' -o -name '*.py') setup.py pyproject.toml
INSTALL := $(VENV)/bin/python -m pip --disable-pip-version-check install -qq
VENV_WHEEL ?= .venv-wheel

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench docs fuzz clean

help: ## what there is
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

$(VENV)/bin/python:
	"$$(bash .ci/find-python.sh)" -m venv "$(VENV)"

# Editable, so that Python is read from the tree; the modules in C are built anew when their sources change.
$(VENV)/.armwise-plot: $(VENV)/bin/python $(NATIVE)
	$(INSTALL) -e '.[plot]'
	@touch $@

$(VENV)/.armwise-all: $(VENV)/bin/python $(NATIVE)
	$(INSTALL) -e '.[bench,dev,docs,plot,test]'
	@touch $@ $(VENV)/.armwise-plot

setup: $(VENV)/.armwise-all ## an environment with the package (editable) and every tool
	@echo "ready: . $(VENV)/bin/activate"

demo: $(VENV)/.armwise-plot ## replay real LLM routing with every policy; DEMO="--seeds 5" passes options
	$(VENV)/bin/armwise demo $(DEMO)

test: ## everything that the tests need, then every test against the built and installed wheel
	VENV=$(abspath $(VENV_WHEEL)) EXTRAS="$(or $(EXTRAS),test)" bash .ci/run debian environment wheel packaging tests \
		native numba integration statistical

lint: setup ## linters, import contracts, types
	VENV=$(VENV) bash .ci/run lint types

bench: setup ## ours beside the peers: prints the ratios, writes docs/benchmarks.md
	$(VENV)/bin/python benches/report.py

docs: setup ## build/docs/html, warnings as errors, doctests run
	VENV=$(VENV) bash .ci/run docs

fuzz: setup ## property tests on new examples, then snapshots by atheris, ten minutes each; FUZZ_SECONDS=60 for one
	VENV=$(VENV) FUZZ_SECONDS="$(or $(FUZZ_SECONDS),600)" bash .ci/run fuzz

clean: ## remove what was built, and the environments made here
	rm -rf build dist .venv .venv-wheel .venv-fallback docs/_build pykernel/armwise_kernels/*.so *.egg-info */*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

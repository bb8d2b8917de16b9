# Targets people know. On a fresh machine each of demo, test and lint sets up first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
KERNELS := $(VENV)/.kernels

comma := ,

# needs(what, Debian package, command that succeeds where it is there)
needs = $(3) >/dev/null 2>&1 || { echo "setup needs $(1): apt-get install $(2) (or PYTHON=...)" >&2; exit 2; }

MINUTES ?= 60

.PHONY: setup demo test test-all fuzz mutants lint bench docs pictures clean help

help:
	@echo "make setup     environment in $(VENV) with the pinned versions"
	@echo "make demo      run the sample trial and hold it against its truth"
	@echo "make test      tests (a few minutes)"
	@echo "make test-all  every test, the slow ones in full"
	@echo "make fuzz      damaged inputs for MINUTES (60), what is found goes to fuzz_findings/"
	@echo "make mutants   what the unit tests of the number rooms do not notice, in MINUTES (60)"
	@echo "make lint      style, types, layers"
	@echo "make bench     speed and memory against peers"
	@echo "make pictures  the pictures of the documentation, anew"
	@echo "make docs      the documentation as a site in site/, to be read without a network"

setup: $(KERNELS)

$(STAMP): pyproject.toml constraints.txt
	@$(call needs,Python 3.11 to 3.13,python3,$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))')
	@$(call needs,the venv module of Python,python3-venv,$(PYTHON) -c 'import venv$(comma) ensurepip')
	@$(call needs,a C compiler (kernels and pyradiomics are built from source),gcc,command -v $(firstword $(CC) cc))
	@$(call needs,the headers of Python (Python.h),python3-dev,test -e "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h")
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip
	@# pyradiomics comes as source: its build tools, and ours, are pinned like everything else.
	$(BIN)/python -m pip install --quiet -c constraints.txt setuptools wheel numpy versioneer Cython hatchling editables
	$(BIN)/python -m pip install --quiet -c constraints.txt --no-build-isolation -e ".[dev,docs,pyradiomics,cluster,evidence,dicomweb,dimse]"
	@touch $(STAMP) $(KERNELS)

# An editable install takes changed Python as it is; changed kernels are built again.
SOURCES := hatch_build.py $(wildcard biomarker_cli/kernels/*.pyx biomarker_cli/kernels/*.pxi)
$(KERNELS): $(STAMP) $(SOURCES)
	@# The setup that has just run has built them.
	@if [ ! -e $@ ] || [ -n "$$(find $(SOURCES) -newer $@)" ]; then $(BIN)/python hatch_build.py && touch $@; fi

demo: $(KERNELS)
	@$(BIN)/python sample_data/demo.py

test: $(KERNELS)
	$(BIN)/python -m pytest -n auto

test-all: $(KERNELS)
	BIOMARKER_SLOW_TESTS=all $(BIN)/python -m pytest -n auto

fuzz: $(KERNELS)
	PYTHONPATH=tests:tests/robustness $(BIN)/python -m fuzzing --minutes $(MINUTES) -o fuzz_findings

mutants: $(KERNELS)
	$(BIN)/python tests/mutants.py --minutes $(MINUTES) -o mutants_found

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

pictures: $(KERNELS)
	$(BIN)/python docs/build_pictures.py

docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(KERNELS)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) demo_out demo_response_out demo_perfusion_out multicentre_out dist site

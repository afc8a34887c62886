# make demo: everything on the simulated survey. make test: every check. make help: the rest.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES)
FOLDER := runs/$(or $(NAME),demo)
RUN := $(SNAKEMAKE) --configfile config.yaml config/$(or $(NAME),embedded).yaml --directory $(FOLDER) \
    $(if $(SAS),--config sas=$(abspath $(SAS)) $(if $(OUTLIERS),outliers=$(abspath $(OUTLIERS)))) \
    --workflow-profile profiles/demo
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help install demo survey paper baserate tune ablation bench check-speed scale docs lint test test-fast clean

help: ## say what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

install: $(VENV)/installed ## install GalSpec and its pinned dependencies into .venv

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("GalSpec needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV), some minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[mock,systems,spectra,slurm,crate,map,docs,dev]'
	touch $@

demo: install ## the pipeline on the simulated survey, no network, about 10 minutes on 2 cores; TARGET=FILE: another result
	$(RUN) $(TARGET)
	$(BIN)/galspec show $(FOLDER)

survey: install ## the same on spectra in a folder: make survey NAME=semireal SAS=FOLDER [OUTLIERS=FILE]
	test -n "$(NAME)" -a -n "$(SAS)" || { echo "usage: make survey NAME=real SAS=FOLDER [OUTLIERS=FILE] [TARGET=FILE]" >&2; exit 2; }
	$(RUN) $(TARGET)
	$(BIN)/galspec show $(FOLDER)

paper: install ## every table and figure, of the simulated survey or of one in a folder (as above): up to an hour more
	$(RUN) results/paper.done
	$(RUN) results/paper.done --report results/report.html
	$(BIN)/galspec show $(FOLDER)

baserate: install ## precision at a survey's base rate, from spectra that are only asked about: half an hour more
	$(RUN) results/base_rate.csv results/query_ranking.csv

tune: install ## try settings of every encoder and system on the training side of a run after make paper: an hour
	$(BIN)/python -m galspec_core.baselines.tune config.yaml config/$(or $(NAME),embedded).yaml --run $(FOLDER)

ablation: install ## what earns its place in encoder and vote, on a run after make demo or make survey: an hour
	$(BIN)/python -m galspec_core.baselines.ablation config.yaml config/$(or $(NAME),embedded).yaml --run $(FOLDER)

bench: install ## how fast it is, as ratios to peers and to the machine's limits: docs/performance.md, an hour
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	OMP_WAIT_POLICY=passive $(BIN)/python -m benchmarks.speed $(if $(SAS),--sas $(abspath $(SAS))) $(if $(wildcard $(FOLDER)),--run $(FOLDER))

check-speed: install ## has anything become twice as slow as benchmarks/results.json says? Minutes
	OMP_WAIT_POLICY=passive $(BIN)/python -m benchmarks.speed --small

scale: install ## how time and memory grow up to 3 million spectra: benchmarks/scale.md, hours and 20 GB of disk
	$(BIN)/python -m benchmarks.index_choice
	$(BIN)/python -m benchmarks.scale

docs: install ## the documentation as pages: docs/_build/html/index.html, offline
	rm -rf docs/_api
	$(BIN)/python -m sphinx --fail-on-warning --keep-going -q docs docs/_build/html
	@echo "open docs/_build/html/index.html"

lint: install ## style, types, layout of the workflow
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/mypy
	$(BIN)/snakemake --lint --configfile config.yaml config/embedded.yaml

test-fast: install ## the tests that take seconds
	$(BIN)/python -m pytest -q -m 'not workflow' --numprocesses $(CORES) --maxprocesses 8

test: test-fast ## all tests: the fast ones on all cores, then one after another those that run Snakemake on all cores
	$(BIN)/python -m pytest -q -m workflow

clean: ## remove the runs (runs/) and caches; data/ and results/ of the repository root stay
	chmod -R u+w runs 2>/dev/null || true
	rm -rf runs docs/_build docs/_api .pytest_cache .ruff_cache .mypy_cache

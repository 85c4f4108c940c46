# With python3, git and make installed, `make` alone takes a fresh clone to the result.
# Everything stays in this folder: packages in .venv (delete it to start over), results where dvc.yaml says.

PYTHON ?= python3
in_venv := .venv/bin/python -m

# DVC runs the stages as `python -m ...`, which must be the Python of .venv.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: repro plots test test-all lint bench before ablation ablation-table setup lock clean help

repro: setup ## run the pipeline: every stage that is out of date (the default)
	@$(in_venv) stages.commands.check
	@$(in_venv) dvc repro

plots: setup ## show the curves in a browser; needs no internet
	@$(in_venv) dvc plots show --open

test: setup ## run the tests but for the slow ones
	@$(in_venv) pytest -n logical --maxprocesses 8 --dist worksteal -m 'not slow'

test-all: setup ## run all tests, as .ci/run does
	@$(in_venv) pytest -n logical --maxprocesses 8 --dist worksteal

lint: setup ## check style, format and types
	@$(in_venv) ruff check
	@$(in_venv) ruff format --check
	@$(in_venv) mypy

bench: setup ## time and memory beside plain programs; WITH=--small is quick
	@$(in_venv) pip install -qq --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@$(in_venv) tests.benchmarks $(WITH)

before: setup ## train the settings from before the fixes, as an experiment
	@$(in_venv) stages.commands.ablation.before $(WITH)

# `WITH="-S split.per_class=250"` uses fewer images.
ablation: setup ## which fix made it learn? 48 experiments in DVC's queue
	@$(in_venv) stages.commands.ablation.enqueue $(WITH)
	@$(in_venv) dvc queue start

ablation-table: setup ## table and picture of the experiments that are finished
	@$(in_venv) stages.commands.ablation.show $(WITH)

setup: .venv/.ready ## install what is missing; the other targets do this first
	@:

# The stamp is written last, so that an interrupted installation is resumed.
# --no-compile: Python compiles what it imports at its first start, a part of the 400 MB that pip would compile.
# pip's own settings apply (PIP_*, pip.conf), such as a mirror or an index with a CPU-only PyTorch.
.venv/.ready: pyproject.toml constraints.txt $(wildcard stages/libraries/*.txt)
	@sh .ci/system $(PYTHON)
	@test -x .venv/bin/pip || $(PYTHON) -m venv .venv
	@echo "Installing Python packages into .venv: some minutes and, with PyTorch for CUDA, 7 GB the first time."
	@$(in_venv) pip install -qq --no-compile --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# No `setup` before it: after an upgrade by hand, that would put the old versions back.
lock: ## write the installed versions to constraints.txt and so on
	@$(in_venv) pip list --format freeze --exclude-editable --exclude pip --exclude setuptools >.venv/lock
	@sed -i.old 's/+.*//' .venv/lock
	@for file in stages/libraries/*.txt; do \
		awk -F== 'NR == FNR {now[tolower($$1)] = $$0; next} {name = tolower($$1); print name in now ? now[name] : $$0}' \
			.venv/lock $$file >.venv/constraints.txt && mv .venv/constraints.txt $$file; done
	@{ grep '^[#-]' constraints.txt; \
		awk -F== 'NR == FNR {known[$$1]; next} !($$1 in known)' stages/libraries/*.txt .venv/lock; } >.venv/constraints.txt
	@mv .venv/constraints.txt constraints.txt
	@touch .venv/.ready

# Removes only what DVC or a tool can make again. Keeps .venv, files in git, folders of your own, and DVC's cache, from
# which `make repro` restores earlier results and which holds the models of experiments.
clean: ## remove caches and those results that are not in git
	rm -rf .pytest_cache .ruff_cache .mypy_cache build dvc_plots reports/dvc_plots *.egg-info
	rm -rf data/images data/scan.parquet data/valid.parquet data/splits.parquet models/model.safetensors models/model.onnx models/checkpoint*.pt data/.views.sqlite*
	rm -f reports/data.html reports/data_findings.csv reports/predictions.parquet reports/index.html
	find stages tests -name __pycache__ -prune -exec rm -rf {} +
	find data models reports -name '.*.partial' -prune -exec rm -rf {} +

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1	/p' Makefile

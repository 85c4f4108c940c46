# On a machine with python3, git and make, `make` alone goes from a fresh clone to the result.
# Everything is kept in this folder: packages in .venv (delete it to start over), results where dvc.yaml says.

PYTHON ?= python3
in_venv := .venv/bin/python -m

# DVC runs the stages as `python -m ...`, which has to be the Python of .venv.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: repro test lint bench before ablation ablation-table setup lock clean help

repro: setup ## the pipeline: whatever is out of date, from URLs to metrics (the default)
	@$(in_venv) stages.common.settings
	@$(in_venv) dvc repro

test: setup ## the tests
	@$(in_venv) pytest

lint: setup ## style, format and types
	@$(in_venv) ruff check
	@$(in_venv) ruff format --check
	@$(in_venv) mypy

bench: setup ## time and memory beside what a user would write in ten lines; WITH=--small for a try
	@$(in_venv) pip install -qq --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@$(in_venv) tests.benchmarks $(WITH)

# In a folder of its own, so that neither params.yaml nor the results of `repro` change.
before: setup ## train the settings before the fixes, as the DVC experiment `before`
	@$(in_venv) dvc exp run --temp --name before \
		-S train.learning_rate=0.001 -S train.weight_decay=0.01 -S train.gradient_clip=null \
		-S train.epochs=10 -S train.scheduler_patience=3 \
		-S 'model.hidden=[512,128]' -S model.init=kaiming

# `make ablation-table` shows what came of it, so far.
ablation: setup ## which fix made it learn: 48 experiments in DVC's queue; WITH="-S split.per_class=250" has them on fewer rows
	@$(in_venv) stages.commands.ablation.enqueue $(WITH)
	@$(in_venv) dvc queue start

ablation-table: setup ## what came of it: table and picture, from `dvc exp show`
	@$(in_venv) stages.commands.ablation.show $(WITH)

setup: .venv/.ready ## install what is missing; the other targets do so by themselves
	@:

# The stamp comes last, so that an installation that broke off is taken up again.
# pip's own settings hold here (PIP_*, pip.conf): a mirror, or an index with a smaller build of PyTorch.
.venv/.ready: pyproject.toml constraints.txt $(wildcard stages/libraries/*.txt)
	@sh .ci/system $(PYTHON)
	@test -x .venv/bin/pip || $(PYTHON) -m venv .venv
	@echo "Installing Python packages into .venv: some minutes and, with PyTorch for CUDA, 7 GB the first time."
	@$(in_venv) pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# No `setup` before it: after an upgrade by hand, that would put the old versions back.
lock: ## write the versions that .venv has to constraints.txt and stages/libraries/
	@$(in_venv) pip list --format freeze --exclude-editable --exclude pip --exclude setuptools >.venv/lock
	@sed -i.old 's/+.*//' .venv/lock
	@for file in stages/libraries/*.txt; do \
		awk -F== 'NR == FNR {now[tolower($$1)] = $$0; next} {name = tolower($$1); print name in now ? now[name] : $$0}' \
			.venv/lock $$file >.venv/constraints.txt && mv .venv/constraints.txt $$file; done
	@{ grep '^[#-]' constraints.txt; \
		awk -F== 'NR == FNR {known[$$1]; next} !($$1 in known)' stages/libraries/*.txt .venv/lock; } >.venv/constraints.txt
	@mv .venv/constraints.txt constraints.txt
	@touch .venv/.ready

# What DVC or a tool makes again. Kept: .venv, what git has, folders of your own, and DVC's cache, from which
# `make repro` takes back what it has made before and where experiments have their models.
clean: ## remove the tools' caches and the pipeline's results that are not in git
	rm -rf .pytest_cache .ruff_cache .mypy_cache build dvc_plots reports/dvc_plots *.egg-info
	rm -rf data/images data/scan.parquet data/valid.parquet data/splits.parquet models/model.safetensors models/model.onnx models/checkpoint.pt data/.views.sqlite*
	rm -f reports/data.html reports/data_findings.csv reports/predictions.parquet reports/index.html
	find stages tests -name __pycache__ -prune -exec rm -rf {} +
	find data models reports -name '.*.partial' -prune -exec rm -rf {} +

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1	/p' Makefile

# SPDX-License-Identifier: Apache-2.0
PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt

RUN := $(VENV)/bin/python -m
INSTALL := $(RUN) pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS)
PROJECTS := pyproject.toml plugins/webex-connect/pyproject.toml plugins/meta/pyproject.toml

MORE := push smpp smtp

.PHONY: demo test test-meta test-plugins lint types bench build clean

demo: $(VENV)/.runtime ## one message's story on every channel, no server needed
	$(VENV)/bin/messaging-status demo

test: $(VENV)/.dev ## the whole suite, with branch coverage of src/
	$(RUN) coverage erase
	$(RUN) coverage run -m pytest --numprocesses auto
	$(RUN) coverage combine --quiet
	$(RUN) coverage report --fail-under=95

test-meta: $(VENV)-meta/.meta ## the suite of plugins/meta, where it is installed beside the others
	$(VENV)-meta/bin/python -m pytest plugins/meta/tests

test-plugins: $(VENV)-plugins/.plugins ## the suites of plugins/push, plugins/smpp and plugins/smtp, installed beside each other
	for plugin in $(MORE); do $(VENV)-plugins/bin/python -m pytest --numprocesses auto plugins/$$plugin/tests || exit 1; done

lint: $(VENV)/.dev
	$(RUN) ruff check .
	$(RUN) ruff format --check .

types: $(VENV)/.dev
	$(RUN) mypy

bench: $(VENV)/.dev ## figures for docs/benchmarks.md
	$(VENV)/bin/python benchmarks/run.py

build: $(VENV)/.dev ## wheels and sdists, into dist/
	$(RUN) build --outdir dist .
	$(RUN) build --outdir dist plugins/webex-connect
	$(RUN) build --outdir dist plugins/meta
	for plugin in $(MORE); do $(RUN) build --outdir dist plugins/$$plugin || exit 1; done

clean:
	rm -rf $(VENV) dist build .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(VENV)/bin/pip: $(CONSTRAINTS)
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --upgrade pip
	touch $@

$(VENV)/.runtime: $(VENV)/bin/pip $(PROJECTS)
	$(INSTALL) --build-constraint $(CONSTRAINTS) --editable '.[cli]' --editable plugins/webex-connect
	touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(INSTALL) --build-constraint $(CONSTRAINTS) --editable '.[gateway,instrument]' --group dev
	touch $@

$(VENV)-meta/.meta: $(PROJECTS)
	$(MAKE) VENV=$(VENV)-meta CONSTRAINTS=$(CONSTRAINTS) $(VENV)-meta/.dev
	$(VENV)-meta/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) --build-constraint $(CONSTRAINTS) --editable plugins/meta
	touch $@

$(VENV)-plugins/.plugins: $(PROJECTS) $(MORE:%=plugins/%/pyproject.toml)
	$(MAKE) VENV=$(VENV)-plugins CONSTRAINTS=$(CONSTRAINTS) $(VENV)-plugins/.dev
	$(VENV)-plugins/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) --build-constraint $(CONSTRAINTS) $(MORE:%=--editable plugins/%)
	touch $@

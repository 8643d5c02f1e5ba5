# SPDX-License-Identifier: Apache-2.0
PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt

RUN := $(VENV)/bin/python -m
INSTALL := $(RUN) pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS)
PROJECTS := pyproject.toml plugins/webex-connect/pyproject.toml

MORE := meta push smpp smtp

COLLECTOR := build/collector/otelcol-messaging-status
COLLECTOR_VERSION := v0.161.0

.PHONY: collector demo docs test test-collector test-plugins lint types bench build clean

demo: $(VENV)/.runtime ## one message's story on every channel, no server needed
	$(VENV)/bin/messaging-status demo

test: $(VENV)/.dev ## the whole suite, with branch coverage of src/
	$(RUN) coverage erase
	$(RUN) coverage run -m pytest --numprocesses auto
	$(RUN) coverage combine --quiet
	$(RUN) coverage report --fail-under=95

test-plugins: $(VENV)-plugins/.plugins ## the suite of each plugin, all of them installed beside each other
	for plugin in webex-connect $(MORE); do $(VENV)-plugins/bin/python -m pytest --numprocesses auto plugins/$$plugin/tests || exit 1; done

collector: $(COLLECTOR) ## an OpenTelemetry Collector with what the exported catalogues need

test-collector: $(COLLECTOR) $(VENV)-plugins/.plugins ## that Collector beside the library: every code of every plugin
	$(VENV)-plugins/bin/python -m pytest -m collector tests/test_collector.py

docs: $(VENV)-docs/.docs ## the pages in docs/ as HTML, in build/docs; a reference that leads nowhere is an error
	$(VENV)-docs/bin/python -m sphinx -W --keep-going -n -q docs build/docs

lint: $(VENV)/.dev
	$(RUN) ruff check .
	$(RUN) ruff format --check .

types: $(VENV)/.dev
	$(RUN) mypy

bench: $(VENV)/.dev ## figures for docs/benchmarks.md
	$(VENV)/bin/python benchmarks/run.py

build: $(VENV)/.dev ## wheels and sdists, into dist/
	$(RUN) build --outdir dist .
	for plugin in webex-connect $(MORE); do $(RUN) build --outdir dist plugins/$$plugin || exit 1; done

clean:
	rm -rf $(VENV) dist build .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(COLLECTOR): config/collector/builder.yaml
	@command -v go >/dev/null || { echo "The Collector is built with Go, and there is none: install Go, or take a Collector that has the transform processor." >&2; exit 1; }
	mkdir -p $(@D)
	go run go.opentelemetry.io/collector/cmd/builder@$(COLLECTOR_VERSION) --config $<
	touch $@

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

$(VENV)-docs/.docs: pyproject.toml $(CONSTRAINTS)
	$(MAKE) VENV=$(VENV)-docs CONSTRAINTS=$(CONSTRAINTS) $(VENV)-docs/bin/pip
	$(VENV)-docs/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) --build-constraint $(CONSTRAINTS) --editable '.[testing]' --group docs
	touch $@

$(VENV)-plugins/.plugins: $(PROJECTS) $(MORE:%=plugins/%/pyproject.toml)
	$(MAKE) VENV=$(VENV)-plugins CONSTRAINTS=$(CONSTRAINTS) $(VENV)-plugins/.dev
	$(VENV)-plugins/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) --build-constraint $(CONSTRAINTS) $(MORE:%=--editable plugins/%)
	touch $@

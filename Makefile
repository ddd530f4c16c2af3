# `make help` lists what can be asked for.
PYTHON ?= python3
VENV := .venv
CONFIG ?=
ARGS ?=

.PHONY: help
help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# Two stamps: what running needs, and what testing needs besides.
$(VENV)/.run: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(VENV)/bin/pip || $(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment (on Debian: apt install python3-venv)"; exit 1; }
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.txt
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

.PHONY: run
run: $(VENV)/.run ## the demo; with CONFIG=my.yaml the exporter with that file; ARGS="..." adds options
	$(VENV)/bin/ocsp-exporter $(if $(CONFIG),serve --config.file "$(CONFIG)",demo) $(ARGS)

.PHONY: lock
lock: $(VENV)/.dev ## resolve the dependencies anew and write them with their hashes
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" --group build pyproject.toml -o requirements.txt
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" --group dev -c requirements.txt pyproject.toml -o requirements-dev.txt

.PHONY: lint
lint: $(VENV)/.dev ## ruff: rules and format
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

.PHONY: types
types: $(VENV)/.dev ## mypy, strict
	$(VENV)/bin/mypy

# The servers that the tests start, and the browser that looks at the pages. They are installed where that is possible
# without asking (Debian, root), and never started by the system: a policy-rc.d that forbids it is in place while they
# are installed. Elsewhere the tests of absent ones are skipped, each naming what it misses.
PEERS := nginx-light haproxy gnutls-bin openssl prometheus nats-server apache2 caddy postfix dovecot-imapd dovecot-pop3d \
	dovecot-lmtpd dovecot-managesieved proftpd-core proftpd-mod-crypto slapd prosody postgresql mariadb-server inspircd \
	golang-cfssl libnss-wrapper libidn12 curl apache2-utils chromium systemd prometheus-alertmanager
# Debian does not install these beside the others, so they are only unpacked, into a folder of ours.
UNPACKED := exim4-base exim4-daemon-light

.PHONY: peers
peers: ## install the servers that the tests start (Debian, as root)
	@tests/peers/install.sh $(PEERS)
	@tests/peers/unpack.sh $(VENV)/peers $(UNPACKED)

.PHONY: test
test: $(VENV)/.dev peers ## everything that the tests need, and the tests
	$(VENV)/bin/pytest $(ARGS)

.PHONY: bench
bench: $(VENV)/.dev ## measure how fast it is beside others (Debian, as root, installs them) and write docs/performance.md; ARGS=--quick
	@tests/peers/install.sh nginx-light openssl prometheus-blackbox-exporter
	$(VENV)/bin/python -m benchmarks --write docs/performance.md $(ARGS)

.PHONY: docs
docs: $(VENV)/.run ## write anew the pages that come from tables in the code
	$(VENV)/bin/ocsp-exporter docs metrics > docs/metrics.md.new && mv docs/metrics.md.new docs/metrics.md
	{ sed '/^<!-- From here on/q' docs/verdicts.md; $(VENV)/bin/ocsp-exporter docs verdicts; } > docs/verdicts.md.new \
		&& mv docs/verdicts.md.new docs/verdicts.md
	{ sed '/^<!-- From here on/q' docs/responders.md; $(VENV)/bin/ocsp-exporter docs rules; } > docs/responders.md.new \
		&& mv docs/responders.md.new docs/responders.md

.PHONY: dashboards
dashboards: $(VENV)/.dev ## write the Grafana dashboards anew
	$(VENV)/bin/python -m dashboards.generate

.PHONY: dashboard-schemas
dashboard-schemas: ## make the schemas anew against which the dashboards are tested, from Grafana's types (needs npm)
	tests/dashboards/schemas/make.sh

.PHONY: docs-protocols
docs-protocols: $(VENV)/.dev peers ## run the servers of docs/protocols.md and write it; NATS_SERVER names a newer nats-server
	WRITE_PROTOCOLS=docs/protocols.md OCSP_EXPORTER_REQUIRE_PEERS=1 $(VENV)/bin/pytest tests/peers/test_protocols.py tests/peers/test_nats.py

.PHONY: check
check: lint types test ## what has to be green before a change lands

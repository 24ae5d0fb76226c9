# `make demo` and `make test` set up what they need; PYTHON may name another Python >= 3.11.
# `make install`, as root, installs the service; `make uninstall` takes it away again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Without compiled files each worker and each process of a test compiles all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: bench demo test test-real pictures lock clean install uninstall

demo: $(VENV)/run
	@$(BIN)/notion-review demo

test: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -m "not real"

test-real: $(VENV)/dev
	$(BIN)/python -m pytest -m real -rs -n 0
	$(BIN)/python -m pytest -m "hypothesis and not real" --hypothesis-profile many

# Some minutes; SMALL=1 takes one, JSON=1 prints the numbers.
bench: $(VENV)/dev
	@PYTHONPATH=tests $(BIN)/python -m bench.run \
	    $(if $(SMALL),--small) $(if $(JSON),--json)

# Those of README.md, from the demo; Debian: chromium fonts-dejavu-core fonts-noto-color-emoji.
pictures: $(VENV)/dev
	@PYTHONPATH=tests $(BIN)/python -m browser.pictures

# The environment is made without pip of its own: Debian's python3 has no ensurepip without
# python3-venv, and the pip that runs this can install into it.
$(VENV)/python:
	@$(PYTHON) -m venv --without-pip $(VENV)
	@touch $@

# Tells how far pip is, on a terminal in one line; what it said is shown where it fails.
define PROGRESS
BEGIN {
    printf "Setting up .venv, once: %d packages, about half a minute.\n", all
    while ((run | getline) > 0) {
        said = said $$0 "\n"
        if (/^(Collecting|Processing) /) {
            name = $$2
            sub(/.*\//, "", name)
            step = sprintf("  %d of %d: %s", ++n, all, name)
        } else if (/^Installing/)
            step = "  unpacking them"
        else
            continue
        if (live)
            printf "\r\033[K%.70s", step
        else if (n % 10 == 0 || /^Installing/)
            print step
        fflush()
    }
    if (live)
        printf "\r\033[K"
    if (close(run)) {
        printf "%s", said
        exit 1
    }
}
endef
export PROGRESS

$(VENV)/run: $(VENV)/python requirements.lock
	@live=; if test -t 1; then live=1; fi; \
	awk -v run='$(PYTHON) -m pip --python $(BIN)/python install --disable-pip-version-check \
	    --progress-bar off --no-compile --require-hashes -r requirements.lock 2>&1' \
	    -v all="$$(grep -c == requirements.lock)" -v live="$$live" "$$PROGRESS"
	@$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check \
	    --no-deps --editable .
	@touch $@

$(VENV)/dev: $(VENV)/run requirements-dev.lock
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check \
	    --require-hashes -r requirements-dev.lock
	@touch $@

# After a change of dependencies in pyproject.toml; needs uv.
lock:
	uv pip compile -q --generate-hashes --python-version 3.11 --no-annotate --no-header \
	    pyproject.toml -o requirements.lock
	uv pip compile -q --generate-hashes --python-version 3.11 --no-annotate --no-header \
	    --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The service: a Python environment of its own, the units, and a command for operators.
PREFIX ?= /opt/notion-review
BINDIR ?= /usr/local/bin
UNITDIR ?= /etc/systemd/system
CONFDIR := /etc/notion-review
# Not one in a home folder: units do not see those.
SERVICE_PYTHON ?= /usr/bin/python3
UNITS := $(notdir $(wildcard systemd/*.service systemd/*.timer))
PIP = $(PYTHON) -m pip --python $(PREFIX)/bin/python install --quiet \
    --disable-pip-version-check --root-user-action=ignore --no-compile
RELOAD = if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi

.SILENT: install uninstall

# The sources are copied first: a build as root leaves nothing in the clone.
install:
	echo "Installing into $(PREFIX), which takes half a minute."
	$(SERVICE_PYTHON) -m venv --without-pip $(PREFIX)
	$(PIP) --require-hashes -r requirements.lock
	sources=$$(mktemp -d) && trap 'rm -rf "$$sources"' EXIT && \
	    cp -r daemon pyproject.toml README.md LICENSE "$$sources" && \
	    $(PIP) --no-deps --force-reinstall "$$sources"
	$(PREFIX)/bin/python -m compileall -q $(PREFIX)/lib
	install -m 0644 README.md CHANGELOG.md LICENSE $(PREFIX)
	cp -r docs $(PREFIX)
	install -d -m 0755 $(CONFDIR) $(UNITDIR) $(BINDIR)
	for unit in $(UNITS); do \
	    sed 's|/opt/notion-review|$(PREFIX)|g' systemd/$$unit >$(UNITDIR)/$$unit || exit 1; \
	done
	sed 's|/opt/notion-review|$(PREFIX)|g' systemd/notion-review >$(BINDIR)/notion-review
	chmod 0755 $(BINDIR)/notion-review
	chmod -R go+rX $(PREFIX)
	$(RELOAD)
	if [ -e $(CONFDIR)/config.yaml ]; then \
	    echo "Installed. What runs goes on as it was: systemctl restart notion-review"; \
	else \
	    echo "Installed. Next: sudo notion-review init"; \
	fi

# What people wrote and what the service remembers stays.
uninstall:
	if [ -d /run/systemd/system ]; then \
	    systemctl disable --quiet --now notion-review.service notion-review-once.timer; \
	    systemctl stop 'notion-review@*.service'; \
	    systemctl reset-failed 'notion-review*'; \
	fi
	rm -rf $(PREFIX) $(BINDIR)/notion-review
	rm -f $(addprefix $(UNITDIR)/,$(UNITS)) $(UNITDIR)/*.wants/notion-review@*.service
	$(RELOAD)
	echo "Removed. Left: $(CONFDIR) and /var/lib/private/notion-review*"

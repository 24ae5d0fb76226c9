# `make demo` and `make test` set up what they need; PYTHON may name another Python >= 3.11.
# `make install`, as root, installs the service; `make uninstall` takes it away again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Without compiled files each worker and each process of a test compiles all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: bench demo test test-real pictures lock wheel clean install uninstall

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
INSTALL_LOCK = $(PYTHON) -m pip --python $(BIN)/python install --disable-pip-version-check \
    --progress-bar off --no-compile --require-hashes -r requirements.lock

$(VENV)/run: $(VENV)/python requirements.lock
	@live=; if test -t 1; then live=1; fi; \
	awk -v run='$(INSTALL_LOCK) 2>&1' -v all="$$(grep -c == requirements.lock)" -v live="$$live" "$$PROGRESS"
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
	    --group dev --extra otel -c requirements.lock pyproject.toml -o requirements-dev.lock

# All that an installation needs, into dist/.
wheel: $(VENV)/python
	rm -rf build
	$(PYTHON) -m pip --python $(BIN)/python wheel --quiet --disable-pip-version-check \
	    --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The service: what `notion-review service install` does, from here.
PREFIX ?= /opt/notion-review
BINDIR ?= /usr/local/bin
UNITDIR ?= /etc/systemd/system
CONFDIR ?= /etc/notion-review
SHAREDIR ?= /usr/local/share
# Not one in a home folder: units do not see those.
SERVICE_PYTHON ?= /usr/bin/python3
# For packagers: all is written below it, and no file names it.
DESTDIR ?=

install uninstall:
	@$(PYTHON) -B -m daemon.service.install $@ \
	    $(PREFIX) $(BINDIR) $(UNITDIR) $(CONFDIR) $(SHAREDIR) $(SERVICE_PYTHON) $(or $(DESTDIR),/)
